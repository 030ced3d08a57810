// The shells of Linux and macOS: the one asked for, the user's own, or whatever this image has.
import { accessSync, constants } from 'node:fs';
import { userInfo } from 'node:os';
import { basename } from 'node:path';
import type { Shells } from '../shells.ts';

/** What an image has if it has a shell at all, best first. */
const USUAL_SHELLS = ['/bin/bash', '/usr/bin/bash', '/bin/ash', '/bin/sh'];

/** Accounts that must not log in have these; the person in a job is let in by the agent, not by the account. */
const NO_SHELLS: ReadonlySet<string> = new Set(['nologin', 'false', 'true', 'sync']);

export const POSIX_SHELLS: Shells = {
  choose(wanted, env) {
    if (wanted !== undefined) return { shell: wanted };
    const candidates = [accountShell(), env['SHELL'], ...USUAL_SHELLS];
    return { shell: candidates.find((path) => path !== undefined && isUsable(path)) ?? '/bin/sh' };
  },

  /**
   * As sshd has it: the first word is the shell's name without its path, by which it calls itself in its complaints. It is not a
   * login shell, because that would set up anew what the job has set up.
   */
  argumentsFor(shell, command) {
    const name = basename(shell);
    return command === undefined ? [name] : [name, '-c', command];
  },

  lastDirectory: '/',
};

function accountShell(): string | undefined {
  try {
    return userInfo().shell ?? undefined;
  } catch {
    // A container may run as a number that no account has.
    return undefined;
  }
}

function isUsable(path: string): boolean {
  if (!path.startsWith('/') || NO_SHELLS.has(basename(path))) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
