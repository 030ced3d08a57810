// SFTP version 3 (draft-ietf-secsh-filexfer-02): numbers of its messages, and the facts of a file as they are on the wire.
import type { FileChanges, FileFacts, FileFaultCode, FileKind } from '../job/job-files.ts';
import { SshFault } from '../ssh/wire/ssh-fault.ts';
import type { SshReader } from '../ssh/wire/ssh-reader.ts';
import type { SshWriter } from '../ssh/wire/ssh-writer.ts';

export const SPOKEN_SFTP_VERSION = 3;

export const SFTP_MESSAGES = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extendedReply: 201,
} as const;

export const OPEN_FLAGS = { read: 0x01, write: 0x02, create: 0x08, truncate: 0x10, exclusive: 0x20 } as const;

export const STATUS_OK = 0;
export const STATUS_EOF = 1;

/** What a status means to a caller. */
export function faultCodeOf(status: number): FileFaultCode {
  switch (status) {
    case 2:
      return 'no_such_file';
    case 3:
      return 'permission_denied';
    case 8:
      return 'unsupported';
    default:
      return 'failure';
  }
}

const ATTR = { size: 0x01, ids: 0x02, permissions: 0x04, times: 0x08, extended: 0x80000000 } as const;
/** Of one file: nobody has any. */
const MAX_EXTENDED_ATTRIBUTES = 64;

/** What the mode says that a file is (POSIX). */
const KINDS: Readonly<Record<number, FileKind>> = { 0o100000: 'file', 0o040000: 'folder', 0o120000: 'link' };
const KIND_BITS = 0o170000;
const PERMISSION_BITS = 0o7777;

export function readFacts(reader: SshReader): FileFacts {
  const flags = reader.uint32();
  const size = (flags & ATTR.size) === 0 ? undefined : reader.uint64();
  const owner = (flags & ATTR.ids) === 0 ? undefined : { uid: reader.uint32(), gid: reader.uint32() };
  const mode = (flags & ATTR.permissions) === 0 ? undefined : reader.uint32();
  let modifiedMs: number | undefined;
  if ((flags & ATTR.times) !== 0) {
    reader.uint32();
    modifiedMs = reader.uint32() * 1_000;
  }
  if ((flags & ATTR.extended) !== 0) skipExtended(reader);
  return {
    kind: mode === undefined ? 'other' : (KINDS[mode & KIND_BITS] ?? 'other'),
    size,
    modifiedMs,
    permissions: mode === undefined ? undefined : mode & PERMISSION_BITS,
    owner,
  };
}

/** Attributes that are to be set. */
export function writeChanges(writer: SshWriter, changes: FileChanges): SshWriter {
  switch (changes.kind) {
    case 'size':
      return writer.uint32(ATTR.size).uint64(changes.size);
    case 'permissions':
      return writer.uint32(ATTR.permissions).uint32(changes.permissions);
    case 'owner':
      return writer.uint32(ATTR.ids).uint32(changes.owner.uid).uint32(changes.owner.gid);
  }
}

function skipExtended(reader: SshReader): void {
  const count = reader.uint32();
  if (count > MAX_EXTENDED_ATTRIBUTES) throw new SshFault('too_big', `${count} extended attributes`);
  for (let at = 0; at < count; at += 1) {
    reader.string();
    reader.string();
  }
}
