// The extensions: what VERSION announces and what EXTENDED requests do (OpenSSH PROTOCOL section 4).

import type { BigIntStatsFs } from 'node:fs';
import { chmod, lchown, link, lstat, lutimes, rename, statfs } from 'node:fs/promises';
import { readAttributes } from '../attributes.ts';
import { statDescriptor, syncDescriptor } from '../descriptor.ts';
import { wholeFile } from '../footprint.ts';
import { MAX_OPEN_HANDLES, MAX_PACKET_BYTES, MAX_TRANSFER_BYTES } from '../limits.ts';
import {
  CHANGE,
  LOOK,
  NOTHING,
  type ParseOperation,
  pairOperation,
  pathOperation,
  readPath,
} from '../operation.ts';
import { absolutePath, canonicalPath, expandHome } from '../paths.ts';
import { StatusRefusal } from '../refusal.ts';
import { okReply, pathReply, startExtendedReply } from '../replies.ts';
import { parseHomeDirectory, parseUsersGroupsById } from './account-requests.ts';
import { applyEach } from './attribute-steps.ts';
import { parseCopyData } from './copy-data.ts';
import { fileOperation } from './file-requests.ts';

/** Linux's limit for one name on every file system it has; Node does not tell f_namemax. */
const LONGEST_NAME_BYTES = 255;

const parsePosixRename: ParseOperation = (id, fields, context) => {
  const from = readPath(fields, context);
  const to = readPath(fields, context);
  return pairOperation(from, to, async () => {
    await rename(from, to);
    return okReply(id);
  });
};

const parseHardlink: ParseOperation = (id, fields, context) => {
  const from = readPath(fields, context);
  const to = readPath(fields, context);
  return pairOperation(from, to, async () => {
    await link(from, to);
    return okReply(id);
  });
};

const parseStatvfs: ParseOperation = (id, fields, context) => {
  const path = readPath(fields, context);
  return pathOperation(path, LOOK, async () => {
    const [{ dev }, space] = await Promise.all([lstat(path), statfs(path, { bigint: true })]);
    return statvfsReply(id, dev, space);
  });
};

const parseFstatvfs: ParseOperation = (id, fields, context) => {
  const name = fields.string();
  return fileOperation(
    context,
    name,
    () => LOOK,
    async ({ descriptor, path }) => {
      const [{ dev }, space] = await Promise.all([
        statDescriptor(descriptor),
        statfsOfDescriptor(descriptor, path),
      ]);
      return statvfsReply(id, dev, space);
    },
  );
};

const parseFsync: ParseOperation = (id, fields, context) => {
  const name = fields.string();
  return fileOperation(
    context,
    name,
    ({ file }) => wholeFile(file),
    async ({ descriptor }) => {
      await syncDescriptor(descriptor);
      return okReply(id);
    },
    'NO_SUCH_FILE', // as OpenSSH has it for this one
  );
};

const parseLsetstat: ParseOperation = (id, fields, context) => {
  const path = readPath(fields, context);
  const attributes = readAttributes(fields);
  return pathOperation(path, CHANGE, async () => {
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

const parseLimits: ParseOperation = (id) => ({
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

const parseExpandPath: ParseOperation = (id, fields, context) => {
  const given = fields.path();
  return pathOperation(given, LOOK, async () => {
    await context.accounts.refresh();
    const expanded = expandHome(given, context.home, context.accounts);
    const path = absolutePath(expanded.length === 0 ? Buffer.from('.') : expanded, context.cwd);
    return pathReply(id, await canonicalPath(path));
  });
};

/** Every extension, by name, with the version announced. */
const EXTENSIONS: ReadonlyMap<string, { version: string; parse: ParseOperation }> = new Map([
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

/** Names and versions, as the VERSION packet announces them. */
export const ANNOUNCED_EXTENSIONS: readonly (readonly [name: string, version: string])[] = [
  ...EXTENSIONS,
].map(([name, { version }]) => [name, version]);

export const parseExtended: ParseOperation = (id, fields, context) => {
  const name = fields.string().toString();
  const extension = EXTENSIONS.get(name);
  if (extension === undefined) {
    throw new StatusRefusal('OP_UNSUPPORTED', `no extension ${name}`);
  }
  return extension.parse(id, fields, context);
};

/** The system has a call for this and Node has not; Linux names the open file under /proc. */
async function statfsOfDescriptor(descriptor: number, path: Buffer): Promise<BigIntStatsFs> {
  return statfs(`/proc/self/fd/${descriptor}`, { bigint: true }).catch(() => statfs(path, { bigint: true }));
}

/** Node does not tell fragment size, file system id and mount flags: block size, device and 0 stand in. */
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
