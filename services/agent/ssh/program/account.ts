// The account that programs run as, which is the job's.
import { userInfo } from 'node:os';

export interface Account {
  readonly name: string;
  readonly home: string;
}

/**
 * The account of this process by /etc/passwd. A container may run as a number that no account has: then what the job's
 * environment says, and without that the number itself.
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
