// The folder in which programs of ours keep something for a user.
import { isAbsolute, join } from 'node:path';
import type { Environment } from '#shared/machine/environment.ts';

/** The folder of what this user's programs keep (XDG Base Directory); undefined where the user has no home. */
export function stateFolder(env: Environment): string | undefined {
  const state = env['XDG_STATE_HOME'] ?? '';
  if (isAbsolute(state)) return join(state, 'converge');
  const home = env['HOME'] ?? '';
  return isAbsolute(home) ? join(home, '.local', 'state', 'converge') : undefined;
}
