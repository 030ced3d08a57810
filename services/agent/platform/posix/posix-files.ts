// Files on Linux and macOS: names are bytes, and clients see them as they are.
import type { Stats } from 'node:fs';
import { lstat, opendir, readlink, symlink } from 'node:fs/promises';
import { getSystemErrorMap } from 'node:util';
import type { JobFiles, SystemPath } from '../job-files.ts';

/** Symbolic links followed in one path before it is called a loop: Linux's own limit. */
const MAX_SYMLINKS = 40;

const SLASH = '/';
const SLASH_BYTES = Buffer.from(SLASH);

/** One character per byte, so that text functions work on any path and bytes come back as they were. */
const BYTES = 'latin1';

export const POSIX_FILES: JobFiles = {
  shown: (path) => Buffer.from(path),
  systemPath: absolutePath,
  canonical: (path) => canonicalPath(bytesOf(path)),

  async openDirectory(path, batch) {
    const directory = await opendir(path, {
      // The typings know text encodings only; with 'buffer' each name is a Buffer (node:fs documentation of Dirent.name).
      encoding: 'buffer' as BufferEncoding,
      bufferSize: batch,
    });
    return {
      async read() {
        const entry = await directory.read();
        return entry === null ? undefined : bytesOf(entry.name);
      },
      close: () => directory.close(),
    };
  },

  entryOf: (directory, name) => Buffer.concat([bytesOf(directory), SLASH_BYTES, name]),
  readLink: (path) => readlink(path, { encoding: 'buffer' }),
  makeLink: (target, path) => symlink(target, path),
  seen: (stats) => stats,
  ownerRefusal: undefined,
};

function absolutePath(path: Buffer, cwd: Buffer): Buffer {
  if (path.length === 0 || path[0] === SLASH_BYTES[0]) return Buffer.from(path);
  return Buffer.concat(cwd.equals(SLASH_BYTES) ? [cwd, path] : [cwd, SLASH_BYTES, path]);
}

async function canonicalPath(path: Buffer): Promise<Buffer> {
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
    if (links > MAX_SYMLINKS) throw tooManyLinks();
    const target = await readlink(Buffer.from(next, BYTES), { encoding: BYTES });
    resolved = target.startsWith(SLASH) ? '' : resolved;
    rest = slash === -1 ? target : `${target}${SLASH}${rest}`;
  }
  return Buffer.from(resolved === '' ? SLASH : resolved, BYTES);
}

async function lstatUnlessLast(path: string, isLast: boolean): Promise<Stats | undefined> {
  try {
    return await lstat(Buffer.from(path, BYTES));
  } catch (error) {
    if (isLast && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** As the system says it. */
function tooManyLinks(): Error {
  const errno = [...getSystemErrorMap()].find(([, [code]]) => code === 'ELOOP')?.[0];
  return Object.assign(new Error('ELOOP'), { errno, code: 'ELOOP' });
}

function bytesOf(path: SystemPath): Buffer {
  return typeof path === 'string' ? Buffer.from(path) : path;
}
