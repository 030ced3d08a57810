// A script: how a client does a deed, run to its end or to its time limit.
import { fileURLToPath } from 'node:url';
import { SYSTEM_PATH, type World } from '../support/laptop/world.ts';
import type { Client } from './client.ts';
import type { Deed } from './deed.ts';
import type { Keys, Lane } from './lane.ts';
import type { Target } from './target.ts';
import { linesOfTree } from './tree.ts';

const PRELUDE = fileURLToPath(new URL('prelude.sh', import.meta.url));
const PROGRAMS = fileURLToPath(new URL('programs', import.meta.url));

export const DEFAULT_LIMIT_SECONDS = 60;

/** What a deed came to, in lines that can be compared. */
export interface Outcome {
  /** `code 0`, `signal SIGTERM`, or `hung`. */
  readonly end: string;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly near: readonly string[];
  readonly far: readonly string[];
  readonly seconds: number;
}

/** Where programs that are not this machine's lie, by the name of the client. */
export type ProgramFolders = ReadonlyMap<string, string>;

/** The shell that `client` runs for `deed`; undefined when it does not do it. */
export function scriptOf(client: Client, deed: Deed): string | undefined {
  if (client.leaves?.[deed.name] !== undefined) return undefined;
  const own = client.own?.[deed.name];
  if (own !== undefined) return own;
  const { words = [] } = deed;
  return words.every((word) => client.words[word] !== undefined) ? deed.script : undefined;
}

export interface Scene {
  readonly world: World;
  readonly keys: Keys;
  readonly programs: ProgramFolders;
}

/** Runs `script` in a lane that is laid out for it. */
export async function runScript(
  { world, keys, programs }: Scene,
  lane: Lane,
  { client, deed, script }: { client: Client; deed: Deed; script: string },
  target: Target,
): Promise<Outcome> {
  await lane.lay(deed);
  const words = Object.entries(client.words).map(([word, body]) => `${word}() {\n${body}\n}`);
  const text = [`. ${PRELUDE}`, client.setup ?? '', ...words, script].join('\n');
  const folder = programs.get(client.name);
  const path = folder === undefined ? SYSTEM_PATH : `${folder}:${SYSTEM_PATH}`;
  const began = performance.now();
  const started = world.start(`${client.name}: ${deed.name}`, ['bash', '-c', text], {
    cwd: lane.near,
    env: {
      PATH: path,
      LC_ALL: 'C.UTF-8',
      TERM: 'xterm',
      PROGRAMS,
      ...(await lane.environmentFor(target, keys)),
    },
  });
  started.child.stdin?.end();
  let hung = false;
  const limit = setTimeout(
    () => {
      hung = true;
      started.kill('SIGKILL');
    },
    (deed.limitSeconds ?? DEFAULT_LIMIT_SECONDS) * 1_000,
  );
  const { code, signal } = await started.exited;
  clearTimeout(limit);
  const [near, far] = await Promise.all([linesOfTree(lane.near), linesOfTree(lane.far)]);
  return {
    end: hung ? 'hung' : code === null ? `signal ${signal}` : `code ${code}`,
    stdout: linesOf(started.stdout, target),
    stderr: linesOf(started.stderr, target),
    near,
    far,
    seconds: (performance.now() - began) / 1_000,
  };
}

/** Ports and fingerprints are the servers' own. The figures of a port may be a part of a hash, which is the same for both. */
function linesOf(text: string, target: Target): string[] {
  const ports = new RegExp(`\\b(?:${target.port}|${target.passwordPort})\\b`, 'g');
  const same = text
    .replaceAll(ports, 'PORT')
    .replaceAll(target.fingerprint, 'FINGERPRINT')
    .replaceAll(target.passwordFingerprint, 'FINGERPRINT');
  return same === '' ? [] : same.replace(/\n$/, '').split('\n');
}
