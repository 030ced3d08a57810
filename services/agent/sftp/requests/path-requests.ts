// Requests on paths: LSTAT, STAT, SETSTAT, REMOVE, RENAME, REALPATH, READLINK, SYMLINK.
import {
  chmod,
  chown,
  link,
  lstat,
  readlink,
  rename,
  stat,
  symlink,
  truncate,
  unlink,
  utimes,
} from 'node:fs/promises';
import { applyEach, readAttributes, requireSize } from '../attributes.ts';
import { absolutePath, canonicalPath } from '../paths.ts';
import { isSystemError, StatusRefusal } from '../refusal.ts';
import { attributesReply, okReply, pathReply } from '../replies.ts';
import {
  CHANGE,
  LOOK,
  type ParseRequest,
  parsePair,
  pathRequest,
  type RequestTable,
  readPath,
} from '../request.ts';
import { PacketType } from '../wire.ts';

const parseLstat: ParseRequest = (id, fields, context) => {
  const path = readPath(fields, context);
  return pathRequest(path, LOOK, async () => attributesReply(id, await lstat(path)));
};

const parseStat: ParseRequest = (id, fields, context) => {
  const path = readPath(fields, context);
  return pathRequest(path, LOOK, async () => attributesReply(id, await stat(path)));
};

const parseSetstat: ParseRequest = (id, fields, context) => {
  const path = readPath(fields, context);
  const attributes = readAttributes(fields);
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
  const path = absolutePath(given.length === 0 ? Buffer.from('.') : given, context.cwd);
  return pathRequest(path, LOOK, async () => pathReply(id, await canonicalPath(path)));
};

const parseReadlink: ParseRequest = (id, fields, context) => {
  const path = readPath(fields, context);
  return pathRequest(path, LOOK, async () => pathReply(id, await readlink(path, { encoding: 'buffer' })));
};

/** OpenSSH sends the target first, against the draft, and every client followed it (OpenSSH PROTOCOL section 4.1). */
const parseSymlink: ParseRequest = (id, fields, context) => {
  const target = fields.path();
  const path = readPath(fields, context);
  return pathRequest(path, CHANGE, async () => {
    await symlink(target, path);
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
async function renameToFreeName(from: Buffer, to: Buffer): Promise<void> {
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

async function linkIfSupported(from: Buffer, to: Buffer): Promise<'linked' | 'unsupported'> {
  try {
    await link(from, to);
    return 'linked';
  } catch (error) {
    // EPERM: a file system without links, or another user's file under fs.protected_hardlinks.
    if (isSystemError(error, 'EOPNOTSUPP') || isSystemError(error, 'EPERM')) return 'unsupported';
    throw error;
  }
}

async function exists(path: Buffer): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
