// What the relay asks of the Node that runs it. An older Node must be able to read this file: nothing in it is new.
import { NODE_FLAGS } from '#shared/machine/runtime-flags.ts';

/** The Node that the bundle is written for (relay-bundle.ts): an older one lacks what is called in it. */
const NEEDED_MAJOR = 24;

export interface RunningNode {
  /** As in `process.versions.node`. */
  readonly version: string;
  /** The flags on its command line. */
  readonly execArgv: readonly string[];
  /** The variable NODE_OPTIONS. */
  readonly nodeOptions: string | undefined;
}

export type Runtime =
  | { readonly kind: 'ready' }
  /** One sentence for a person. */
  | { readonly kind: 'too_old'; readonly message: string }
  /** These belong before the flags on its command line. */
  | { readonly kind: 'flags_missing'; readonly flags: readonly string[] };

/** What is missing. A flag that the person set, on the command line or in NODE_OPTIONS, stays as it is. */
export function runtimeFor({ version, execArgv, nodeOptions = '' }: RunningNode): Runtime {
  if (Number.parseInt(version, 10) < NEEDED_MAJOR) {
    const ways = 'npm start takes the one that npm ci brought, and so does npx node dist/relay/main.js';
    const message = `this is Node ${version}, and the relay needs Node ${NEEDED_MAJOR} or newer: ${ways}`;
    return { kind: 'too_old', message };
  }
  // Node keeps the flags of its command line over those of NODE_OPTIONS, so ours must not be added to the former.
  const given = new Set([...execArgv, ...nodeOptions.split(/\s+/)].map(subjectOf));
  const flags = NODE_FLAGS.filter((flag) => !given.has(subjectOf(flag)));
  return flags.length === 0 ? { kind: 'ready' } : { kind: 'flags_missing', flags };
}

/** What a flag is about: V8 takes `_` for `-`, and `--noNAME` or `--no-NAME` for its opposite. */
function subjectOf(flag: string): string {
  return flag
    .replace(/=.*$/s, '')
    .replaceAll('_', '-')
    .replace(/^--(no-?)?/, '');
}
