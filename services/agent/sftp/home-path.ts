// Paths that begin with `~`, in expand-path only.
import type { Accounts } from './accounts.ts';
import { StatusRefusal } from './refusal.ts';

/** One character per byte, so that text functions work on any path and bytes come back as they were. */
const BYTES = 'latin1';

/** `~` and `~user` replaced by home directories; other paths as they are. Throws a StatusRefusal for an unknown user. */
export function expandHome(path: Buffer, home: Buffer, accounts: Accounts): Buffer {
  const text = path.toString(BYTES);
  if (!text.startsWith('~')) return path;
  const slash = text.indexOf('/');
  const end = slash === -1 ? text.length : slash;
  const user = Buffer.from(text.slice(1, end), BYTES).toString();
  const directory = user === '' ? home : accounts.homeOf(user);
  if (directory === undefined) throw new StatusRefusal('NO_SUCH_FILE', `no user ${user} on this machine`);
  return Buffer.concat([Buffer.from(directory), path.subarray(end)]);
}
