// Forced commands: what runs for a client whose certificate says it, whatever that client asks for. As in sshd (session.c).
import { isPowerShell } from '../../platform/shells.ts';

/** What a client asks for on a session channel. */
export type AskedRun =
  | { readonly kind: 'shell' }
  | { readonly kind: 'command'; readonly command: Buffer }
  | { readonly kind: 'sftp' };

/** What is run instead. */
export type ForcedRun =
  | {
      readonly kind: 'command';
      readonly command: Buffer;
      /** For SSH_ORIGINAL_COMMAND; undefined if a shell was asked for. */
      readonly originalCommand: Buffer | undefined;
    }
  | { readonly kind: 'sftp' }
  | { readonly kind: 'impossible'; readonly detail: string };

/** What sshd calls the SFTP server that it has in itself, as this one is. */
const INTERNAL_SFTP = 'internal-sftp';

/** sshd's own words for who wants something else: cmd has no semicolons, and shows quotes; PowerShell 5 has no `&&`. */
const SFTP_ONLY = Buffer.from('echo This service allows sftp connections only.&& exit 1');
const SFTP_ONLY_IN_POWERSHELL = Buffer.from("echo 'This service allows sftp connections only.'; exit 1");

/** `shell` is the one that runs commands. */
export function forcedRun(forcedCommand: string, asked: AskedRun, shell: string): ForcedRun {
  if (forcedCommand === INTERNAL_SFTP) {
    if (asked.kind === 'sftp') return asked;
    const command = isPowerShell(shell) ? SFTP_ONLY_IN_POWERSHELL : SFTP_ONLY;
    return { kind: 'command', command, originalCommand: undefined };
  }
  // Its options narrow what may be done: to ignore them would allow more than was meant.
  if (/^internal-sftp\s/.test(forcedCommand)) {
    return {
      kind: 'impossible',
      detail: 'the forced command internal-sftp has options, which are not known here',
    };
  }
  return { kind: 'command', command: Buffer.from(forcedCommand), originalCommand: originalFrom(asked) };
}

/** True for what may come from the client of a forced command: BASH_ENV or LD_PRELOAD would be a command of its own. */
export function isHarmlessVariable(name: string): boolean {
  return name === 'LANG' || /^LC_[A-Z]+$/.test(name);
}

function originalFrom(asked: AskedRun): Buffer | undefined {
  switch (asked.kind) {
    case 'shell':
      return undefined;
    case 'command':
      return asked.command;
    case 'sftp':
      return Buffer.from(INTERNAL_SFTP);
  }
}
