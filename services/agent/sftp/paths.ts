// Paths as a client writes them: bytes, relative to the directory it is served in, with ~ in expand-path only.
import type { Stats } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { constants } from 'node:os';
import type { Accounts } from './accounts.ts';
import { MAX_SYMLINKS } from './limits.ts';
import { isSystemError, StatusRefusal } from './refusal.ts';

const SLASH = '/';

/** One character per byte, so that text functions work on any path and bytes come back as they were. */
const BYTES = 'latin1';

/**
 * The absolute form of `path`, not otherwise changed. An empty path stays empty and so gets ENOENT from the system.
 * A copy: it may be kept when the packet is gone.
 */
export function absolutePath(path: Buffer, cwd: string): Buffer {
  if (path.length === 0 || path[0] === SLASH.charCodeAt(0)) return Buffer.from(path);
  return Buffer.concat([Buffer.from(cwd === SLASH ? cwd : cwd + SLASH), path]);
}

/**
 * The canonical form of an absolute path: no symbolic links, `.` or `..`. As in OpenSSH the last name need not exist,
 * so that a client can ask about what it is about to create. Throws the system's error for anything else.
 */
export async function canonicalPath(path: Buffer): Promise<Buffer> {
  let rest = path.toString(BYTES);
  let resolved = '';
  let links = 0;
  while (rest !== '') {
    const slash = rest.indexOf(SLASH);
    const name = slash === -1 ? rest : rest.slice(0, slash);
    rest = slash === -1 ? '' : rest.slice(slash + 1);
    if (name === '' || name === '.') continue;
    if (name === '..') {
      resolved = resolved.slice(0, Math.max(resolved.lastIndexOf(SLASH), 0));
      continue;
    }
    const next = `${resolved}${SLASH}${name}`;
    const stats = await lstatUnlessLast(next, slash === -1);
    if (stats?.isSymbolicLink() !== true) {
      resolved = next;
      continue;
    }
    links += 1;
    if (links > MAX_SYMLINKS) throw Object.assign(new Error('ELOOP'), { errno: -constants.errno.ELOOP });
    const target = await readlink(Buffer.from(next, BYTES), { encoding: BYTES });
    resolved = target.startsWith(SLASH) ? '' : resolved;
    rest = slash === -1 ? target : `${target}${SLASH}${rest}`;
  }
  return Buffer.from(resolved === '' ? SLASH : resolved, BYTES);
}

/** `~` and `~user` replaced by home directories; other paths as they are. Throws a StatusRefusal for an unknown user. */
export function expandHome(path: Buffer, home: string, accounts: Accounts): Buffer {
  const text = path.toString(BYTES);
  if (!text.startsWith('~')) return path;
  const slash = text.indexOf(SLASH);
  const end = slash === -1 ? text.length : slash;
  const user = Buffer.from(text.slice(1, end), BYTES).toString();
  const directory = user === '' ? home : accounts.homeOf(user);
  if (directory === undefined) throw new StatusRefusal('NO_SUCH_FILE', `no user ${user} on this machine`);
  return Buffer.concat([Buffer.from(directory), path.subarray(end)]);
}

async function lstatUnlessLast(path: string, isLast: boolean): Promise<Stats | undefined> {
  try {
    return await lstat(Buffer.from(path, BYTES));
  } catch (error) {
    if (isLast && isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
