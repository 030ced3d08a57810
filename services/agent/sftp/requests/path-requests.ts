// Requests on paths: LSTAT, STAT, SETSTAT, REMOVE, RENAME, REALPATH, READLINK, SYMLINK.
import { chmod, chown, link, lstat, rename, stat, truncate, unlink, utimes } from 'node:fs/promises';
import type { SystemPath } from '../../platform/job-files.ts';
import { applyEach, requireSize } from '../attributes.ts';
import { isSystemError, StatusRefusal } from '../refusal.ts';
import { attributesReply, okReply, pathReply } from '../replies.ts';
import {
  CHANGE,
  LOOK,
  type ParseRequest,
  parsePair,
  pathRequest,
  type RequestTable,
  readChanges,
  readPath,
} from '../request.ts';
import { PacketType } from '../wire.ts';

const parseLstat: ParseRequest = (id, fields, context) => {
  const path = readPath(fields, context);
  return pathRequest(path, LOOK, async () => attributesReply(id, context.files.seen(await lstat(path))));
};

const parseStat: ParseRequest = (id, fields, context) => {
  const path = readPath(fields, context);
  return pathRequest(path, LOOK, async () => attributesReply(id, context.files.seen(await stat(path))));
};

const parseSetstat: ParseRequest = (id, fields, context) => {
  const path = readPath(fields, context);
  const attributes = readChanges(fields, context);
  return pathRequest(path, CHANGE, async () => {
    await applyEach(attributes, {
      async size(size) {
        requireSize(size);
        await truncate(path, size);
      },
      permissions: (mode) => chmod(path, mode),
      times: ({ access, modification }) => utimes(path, access, modification),
      owner: ({ uid, gid }) => chown(path, uid, gid),
    });
    return okReply(id);
  });
};

const parseRemove: ParseRequest = (id, fields, context) => {
  const path = readPath(fields, context);
  return pathRequest(path, CHANGE, async () => {
    await unlink(path);
    return okReply(id);
  });
};

const parseRename = parsePair(renameToFreeName);

const parseRealpath: ParseRequest = (id, fields, context) => {
  const given = fields.path();
  const { files, cwd } = context;
  const path = files.systemPath(given.length === 0 ? Buffer.from('.') : given, cwd);
  return pathRequest(path, LOOK, async () => pathReply(id, await files.canonical(path)));
};

const parseReadlink: ParseRequest = (id, fields, context) => {
  const path = readPath(fields, context);
  return pathRequest(path, LOOK, async () => pathReply(id, await context.files.readLink(path)));
};

/** OpenSSH sends the target first, against the draft, and every client followed it (OpenSSH PROTOCOL section 4.1). */
const parseSymlink: ParseRequest = (id, fields, context) => {
  const target = fields.path();
  const path = readPath(fields, context);
  return pathRequest(path, CHANGE, async () => {
    await context.files.makeLink(target, path);
    return okReply(id);
  });
};

export const PATH_REQUESTS: RequestTable = [
  [PacketType.LSTAT, parseLstat],
  [PacketType.STAT, parseStat],
  [PacketType.SETSTAT, parseSetstat],
  [PacketType.REMOVE, parseRemove],
  [PacketType.RENAME, parseRename],
  [PacketType.REALPATH, parseRealpath],
  [PacketType.READLINK, parseReadlink],
  [PacketType.SYMLINK, parseSymlink],
];

/**
 * Version 3's rename: never onto an existing name. For files a hard link takes the new name, which the system refuses
 * if it is taken, so nothing can slip in between; where there are no hard links, and for all else, looking must do.
 */
async function renameToFreeName(from: SystemPath, to: SystemPath): Promise<void> {
  const stats = await lstat(from);
  if (stats.isFile() && (await linkIfSupported(from, to)) === 'linked') {
    await unlink(from).catch(async (error: unknown) => {
      await unlink(to);
      throw error;
    });
    return;
  }
  if (await exists(to)) throw new StatusRefusal('FAILURE', 'the new name exists already');
  await rename(from, to);
}

/** EPERM: a file system without links, or another user's file under fs.protected_hardlinks; EISDIR: FAT on Windows. */
const UNSUPPORTED_LINK_CODES = ['EOPNOTSUPP', 'ENOTSUP', 'EPERM', 'EISDIR'];

async function linkIfSupported(from: SystemPath, to: SystemPath): Promise<'linked' | 'unsupported'> {
  try {
    await link(from, to);
    return 'linked';
  } catch (error) {
    if (UNSUPPORTED_LINK_CODES.some((code) => isSystemError(error, code))) return 'unsupported';
    throw error;
  }
}

async function exists(path: SystemPath): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
