// The extensions: what VERSION announces and what EXTENDED requests do (OpenSSH PROTOCOL section 4).
import type { BigIntStatsFs } from 'node:fs';
import { chmod, lchown, link, lstat, lutimes, rename, statfs } from 'node:fs/promises';
import { applyEach } from '../attributes.ts';
import { expandHome } from '../home-path.ts';
import { MAX_OPEN_HANDLES, MAX_PACKET_BYTES, MAX_TRANSFER_BYTES } from '../limits.ts';
import { SftpPacketWriter } from '../packet-writer.ts';
import { StatusRefusal } from '../refusal.ts';
import { okReply, pathReply, startExtendedReply } from '../replies.ts';
import {
  CHANGE,
  LOOK,
  NOTHING,
  type ParseRequest,
  parsePair,
  pathRequest,
  type RequestTable,
  readChanges,
  readPath,
} from '../request.ts';
import { wholeFile } from '../request-queue.ts';
import { PacketType, SFTP_VERSION } from '../wire.ts';
import { parseHomeDirectory, parseUsersGroupsById } from './account-requests.ts';
import { parseCopyData } from './copy-data.ts';
import { fileRequest } from './file-requests.ts';

/** Linux's limit for one name on every file system it has; Node does not report f_namemax. */
const LONGEST_NAME_BYTES = 255;

const parsePosixRename = parsePair(rename);

const parseHardlink = parsePair(link);

const parseStatvfs: ParseRequest = (id, fields, context) => {
  const path = readPath(fields, context);
  return pathRequest(path, LOOK, async () => {
    const [{ dev }, space] = await Promise.all([lstat(path), statfs(path, { bigint: true })]);
    return statvfsReply(id, dev, space);
  });
};

const parseFstatvfs: ParseRequest = (id, fields, context) => {
  const name = fields.string();
  return fileRequest(
    context,
    name,
    () => LOOK,
    async (file) => {
      const [{ dev }, space] = await Promise.all([file.stat(), file.statfs()]);
      return statvfsReply(id, dev, space);
    },
  );
};

const parseFsync: ParseRequest = (id, fields, context) => {
  const name = fields.string();
  return fileRequest(
    context,
    name,
    ({ key }) => wholeFile(key),
    async (file) => {
      await file.sync();
      return okReply(id);
    },
    'NO_SUCH_FILE', // as OpenSSH has it for this one
  );
};

const parseLsetstat: ParseRequest = (id, fields, context) => {
  const path = readPath(fields, context);
  const attributes = readChanges(fields, context);
  return pathRequest(path, CHANGE, async () => {
    await applyEach(attributes, {
      size: async () => {
        throw new StatusRefusal('BAD_MESSAGE', 'a symbolic link has no size to set');
      },
      async permissions(mode) {
        if ((await lstat(path)).isSymbolicLink()) {
          throw new StatusRefusal('FAILURE', 'a symbolic link has no permissions to set');
        }
        await chmod(path, mode);
      },
      times: ({ access, modification }) => lutimes(path, access, modification),
      owner: ({ uid, gid }) => lchown(path, uid, gid),
    });
    return okReply(id);
  });
};

const parseLimits: ParseRequest = (id) => ({
  subject: () => '',
  footprint: () => NOTHING,
  run: async () =>
    startExtendedReply(id)
      .u64(MAX_PACKET_BYTES)
      .u64(MAX_TRANSFER_BYTES)
      .u64(MAX_TRANSFER_BYTES)
      .u64(MAX_OPEN_HANDLES)
      .finish(),
});

const parseExpandPath: ParseRequest = (id, fields, context) => {
  const given = fields.path();
  return pathRequest(given, LOOK, async () => {
    await context.accounts.refresh();
    const { files, cwd, home, accounts } = context;
    const expanded = expandHome(given, home, accounts);
    const path = files.systemPath(expanded.length === 0 ? Buffer.from('.') : expanded, cwd);
    return pathReply(id, await files.canonical(path));
  });
};

interface Extension {
  readonly version: string;
  readonly parse: ParseRequest;
}

/** Every extension, by name, with the version announced. */
const EXTENSIONS: ReadonlyMap<string, Extension> = new Map([
  ['posix-rename@openssh.com', { version: '1', parse: parsePosixRename }],
  ['statvfs@openssh.com', { version: '2', parse: parseStatvfs }],
  ['fstatvfs@openssh.com', { version: '2', parse: parseFstatvfs }],
  ['hardlink@openssh.com', { version: '1', parse: parseHardlink }],
  ['fsync@openssh.com', { version: '1', parse: parseFsync }],
  ['lsetstat@openssh.com', { version: '1', parse: parseLsetstat }],
  ['limits@openssh.com', { version: '1', parse: parseLimits }],
  ['expand-path@openssh.com', { version: '1', parse: parseExpandPath }],
  ['copy-data', { version: '1', parse: parseCopyData }],
  ['home-directory', { version: '1', parse: parseHomeDirectory }],
  ['users-groups-by-id@openssh.com', { version: '1', parse: parseUsersGroupsById }],
]);

const parseExtended: ParseRequest = (id, fields, context) => {
  const name = fields.string().toString();
  const extension = EXTENSIONS.get(name);
  if (extension === undefined) throw new StatusRefusal('OP_UNSUPPORTED', `no extension ${name}`);
  return extension.parse(id, fields, context);
};

export const EXTENDED_REQUESTS: RequestTable = [[PacketType.EXTENDED, parseExtended]];

/** The answer to INIT: our version, and the names and versions of the extensions. */
export function versionReply(): Buffer {
  const packet = new SftpPacketWriter(PacketType.VERSION).u32(SFTP_VERSION);
  for (const [name, { version }] of EXTENSIONS) packet.string(name).string(version);
  return packet.finish();
}

/** Node does not report fragment size, file system id and mount flags: block size, device and 0 stand in. */
function statvfsReply(id: number, device: number, space: BigIntStatsFs): Buffer {
  return startExtendedReply(id)
    .u64(space.bsize)
    .u64(space.bsize)
    .u64(space.blocks)
    .u64(space.bfree)
    .u64(space.bavail)
    .u64(space.files)
    .u64(space.ffree)
    .u64(space.ffree)
    .u64(device)
    .u64(0)
    .u64(LONGEST_NAME_BYTES)
    .finish();
}
