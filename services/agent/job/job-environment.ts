// The job's environment, as the sessions see it.
import { readFileSync } from 'node:fs';
import type { Environment } from '#shared/machine/environment.ts';

/**
 * Variables that are the agent's own and that no session needs to see. The tokens outlive the job, or open agents elsewhere;
 * where keys come from may be a URL with a secret in it. What a CI system gives its jobs stays, its secrets too: people come
 * to see what the job sees.
 */
const PRIVATE_VARIABLES: ReadonlySet<string> = new Set([
  'CONVERGE_PASSWORD',
  'CONVERGE_AUTHORIZED_KEYS',
  'CONVERGE_ALLOW',
  'CONVERGE_TRUSTED_USER_CA',
  'CONVERGE_REVOKED_KEYS',
  'CONVERGE_TOKEN',
  'CONVERGE_ID_TOKEN',
  'CONVERGE_GITHUB_TOKEN',
]);

/** What bytes that are not text become when they are read as text. */
const NO_TEXT = '\uFFFD';

/**
 * The variables of `env` without the agent's secrets. A value that is not text is taken as bytes from `block`, the environment
 * as the kernel keeps it (proc(5), `environ`), where there is one.
 */
export function jobEnvironment(env: Environment, block?: Buffer): Record<string, string | Buffer> {
  // Windows finds them by any spelling, and so does this agent there.
  const kept = Object.entries(env).filter(([name]) => !PRIVATE_VARIABLES.has(name.toUpperCase()));
  return wholeEnvironment(Object.fromEntries(kept), block);
}

/** All variables of `env`, for an agent that is started anew. */
export function wholeEnvironment(env: Environment, block?: Buffer): Record<string, string | Buffer> {
  const kept: Record<string, string | Buffer> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    kept[name] = value.includes(NO_TEXT) ? (valueIn(block, name) ?? value) : value;
  }
  return kept;
}

/** The environment of this process as the kernel keeps it, in bytes; `process.env` keeps only text. Undefined without /proc. */
export function readEnvironmentBlock(): Buffer | undefined {
  try {
    return readFileSync('/proc/self/environ');
  } catch {
    return undefined;
  }
}

/** The bytes of a variable, which end with a zero, in a block of `NAME=value`. */
function valueIn(block: Buffer | undefined, name: string): Buffer | undefined {
  const wanted = Buffer.from(`\0${name}=`);
  const entries = block === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.of(0), block]);
  const at = entries.indexOf(wanted);
  if (at < 0) return undefined;
  const start = at + wanted.length;
  const end = entries.indexOf(0, start);
  return entries.subarray(start, end < 0 ? entries.length : end);
}
