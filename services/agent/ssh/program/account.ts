// The account that programs run as, which is the job's.
import { userInfo } from 'node:os';

export interface Account {
  readonly name: string;
  readonly home: string;
}

/**
 * The account of this process in /etc/passwd. A container may run under a user number that has no account: then the job's
 * environment names it, or else the number itself does.
 */
export function accountFrom(env: Readonly<Record<string, string | Buffer>>): Account {
  try {
    const { username, homedir } = userInfo();
    return { name: username, home: homedir };
  } catch {
    const name = env['USER'] ?? env['LOGNAME'] ?? process.getuid?.() ?? 'nobody';
    return { name: name.toString(), home: '/' };
  }
}
