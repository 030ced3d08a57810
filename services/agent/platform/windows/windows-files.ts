// Files on Windows: names are text, drives lie in `/`, and of the permissions there is one, whether a file may be written.
import { constants, type Stats } from 'node:fs';
import { lstat, opendir, readlink, stat, symlink } from 'node:fs/promises';
import { win32 } from 'node:path';
import { type DirectoryNames, type JobFiles, PathError, type SystemPath } from '../job-files.ts';
import { DRIVES, shownPath, shownTarget, windowsPathFrom, windowsTargetFrom } from './windows-path.ts';

const ALL_DRIVES = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ', (letter) => `${letter}:`);

/** What Windows does not know is answered as most systems have it: who copies such a file does not open it to others. */
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;
const READ_ONLY_MODE = 0o444;
const LINK_MODE = 0o777;
const OWNER_WRITES = 0o200;

export const WINDOWS_FILES: JobFiles = {
  shown: (path) => Buffer.from(shownPath(win32.resolve(path))),
  systemPath: (path, cwd) => (path.length === 0 ? '' : windowsPathFrom(textOf(path), cwd.toString())),

  async canonical(path) {
    const text = String(path);
    if (text !== DRIVES) await lstat(win32.dirname(text));
    return Buffer.from(shownPath(text));
  },

  openDirectory: (path, batch) => (path === DRIVES ? openDrives() : openFolder(path, batch)),

  entryOf(directory, name) {
    const folder = String(directory);
    if (folder !== DRIVES) return win32.join(folder, name.toString());
    return name.toString().startsWith('.') ? DRIVES : `${name.toString()}\\`;
  },

  readLink: async (path) => Buffer.from(shownTarget(await readlink(path, 'utf8'))),

  async makeLink(target, path) {
    const folder = shownPath(win32.dirname(String(path)));
    await symlink(windowsTargetFrom(textOf(target), folder), path);
  },

  seen(stats) {
    stats.mode = (stats.mode & constants.S_IFMT) | permissionsOf(stats);
    return stats;
  },

  ownerRefusal: 'Windows has no numbers for the owners of files',
};

function permissionsOf(stats: Stats): number {
  if (stats.isDirectory()) return FOLDER_MODE;
  if (stats.isSymbolicLink()) return LINK_MODE;
  return (stats.mode & OWNER_WRITES) === 0 ? READ_ONLY_MODE : FILE_MODE;
}

async function openFolder(path: SystemPath, batch: number): Promise<DirectoryNames> {
  const directory = await opendir(path, { bufferSize: batch });
  return {
    async read() {
      const entry = await directory.read();
      return entry === null ? undefined : Buffer.from(entry.name);
    },
    close: () => directory.close(),
  };
}

async function openDrives(): Promise<DirectoryNames> {
  const looks = await Promise.allSettled(ALL_DRIVES.map((drive) => stat(`${drive}\\`)));
  const drives = ALL_DRIVES.filter((_, index) => looks[index]?.status === 'fulfilled');
  return {
    async read() {
      const drive = drives.shift();
      return drive === undefined ? undefined : Buffer.from(drive);
    },
    async close() {},
  };
}

/** @throws PathError for bytes that are not text */
function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new PathError('names of files on Windows are text in UTF-8');
  }
}
