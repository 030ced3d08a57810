// The shim: the /bin/sh script named `converge` that starts the agent's own program as a client of itself.
import { shellQuoted } from '#shared/text/shell-quoted.ts';

/** The hidden first argument that makes the agent's program run as `converge`. The socket's path follows. */
export const CONVERGE_COMMAND_FLAG = '--session-command';

/**
 * The script. It spells everything out and takes nothing from the environment: `sudo` and `env -i` keep neither variables
 * nor PATH. NODE_OPTIONS are meant for the job's own Node and could keep this one from starting.
 */
export function shimFrom(program: readonly string[], socketPath: string): string {
  const command = [...program, CONVERGE_COMMAND_FLAG, socketPath].map(shellQuoted).join(' ');
  return `#!/bin/sh\nunset NODE_OPTIONS\nexec ${command} "$@"\n`;
}
