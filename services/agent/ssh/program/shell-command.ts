// The command line of the shell that runs a program, as sshd has it.
import { basename } from 'node:path';

/**
 * The first word is the shell's name without its path, by which it calls itself in its complaints. It is not a login shell,
 * because that would set up anew what the job has set up.
 */
export function shellArguments(shell: string, command: Buffer | undefined): (string | Buffer)[] {
  const name = basename(shell);
  return command === undefined ? [name] : [name, '-c', command];
}
