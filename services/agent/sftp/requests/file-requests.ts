// Requests on open files: OPEN, READ, WRITE, FSTAT, FSETSTAT, and CLOSE of any handle.

import { constants, type Stats } from 'node:fs';
import { type Attributes, readAttributes } from '../attributes.ts';
import {
  chmodDescriptor,
  chownDescriptor,
  closeDescriptor,
  openDescriptor,
  readAt,
  setDescriptorTimes,
  statDescriptor,
  truncateDescriptor,
  writeAllAt,
} from '../descriptor.ts';
import { type FileKey, type Footprint, wholeFile } from '../footprint.ts';
import type { FileHandle } from '../handles.ts';
import { MAX_TRANSFER_BYTES } from '../limits.ts';
import {
  CHANGE,
  handleSubject,
  LOOK,
  type Operation,
  type OperationContext,
  type ParseOperation,
  readPath,
} from '../operation.ts';
import { type StatusName, StatusRefusal } from '../refusal.ts';
import { attributesReply, DATA_HEADER_BYTES, dataReply, eofReply, handleReply, okReply } from '../replies.ts';
import { OpenFlag } from '../wire.ts';
import { applyEach } from './attribute-steps.ts';

const DEFAULT_FILE_MODE = 0o666;

/** Opening a FIFO or a terminal must not hold one of the process's few file threads until somebody comes. */
const ALWAYS_FLAGS = constants.O_NONBLOCK | constants.O_NOCTTY;

export const parseOpen: ParseOperation = (id, fields, context) => {
  const path = readPath(fields, context);
  const flags = systemFlagsFrom(fields.u32());
  const { permissions } = readAttributes(fields);
  const changesNothing = (flags & (constants.O_CREAT | constants.O_TRUNC)) === 0;
  return {
    subject: () => path.toString(),
    footprint: () => (changesNothing ? LOOK : CHANGE),
    async run() {
      const handle = await context.handles.add(() => openFile(path, flags, permissions ?? DEFAULT_FILE_MODE));
      return handleReply(id, handle);
    },
  };
};

export const parseClose: ParseOperation = (id, fields, context) => {
  const name = fields.string();
  return {
    subject: () => '',
    footprint: () => CHANGE,
    async run() {
      const handle = context.handles.find(name);
      if (handle === undefined) {
        throw new StatusRefusal('NO_SUCH_FILE', 'the handle is not open');
      }
      await context.handles.close(handle);
      return okReply(id);
    },
  };
};

export const parseRead: ParseOperation = (id, fields, context) => {
  const name = fields.string();
  const offset = fields.u64();
  const length = Math.min(fields.u32(), MAX_TRANSFER_BYTES);
  return fileOperation(
    context,
    name,
    ({ file }) => ({ kind: 'read', file }),
    async ({ descriptor }) => {
      const reply = context.pool.take(DATA_HEADER_BYTES + length);
      if (length === 0) {
        return dataReply(id, reply, 0);
      }
      const count = await readAt(descriptor, reply, DATA_HEADER_BYTES, length, offset);
      context.traffic.bytesRead += count;
      return count === 0 ? eofReply(id) : dataReply(id, reply, count);
    },
  );
};

export const parseWrite: ParseOperation = (id, fields, context) => {
  const name = fields.string();
  const start = fields.u64();
  const data = fields.string();
  const end = start + data.length;
  const footprint = ({ file, append }: FileHandle): Footprint =>
    append ? wholeFile(file) : { kind: 'write', file, start, end };
  return fileOperation(context, name, footprint, async ({ descriptor, append }) => {
    await writeAllAt(descriptor, data, append ? null : start);
    context.traffic.bytesWritten += data.length;
    return okReply(id);
  });
};

export const parseFstat: ParseOperation = (id, fields, context) => {
  const name = fields.string();
  return fileOperation(
    context,
    name,
    ({ file }) => ({ kind: 'read', file }),
    async ({ descriptor }) => attributesReply(id, await statDescriptor(descriptor)),
  );
};

export const parseFsetstat: ParseOperation = (id, fields, context) => {
  const name = fields.string();
  const attributes = readAttributes(fields);
  return fileOperation(
    context,
    name,
    ({ file }) => wholeFile(file),
    async ({ descriptor }) => {
      await applyToDescriptor(descriptor, attributes);
      return okReply(id);
    },
  );
};

/** An operation on an open file; a StatusRefusal, with `otherwise`, where the handle is not one by the time it runs. */
export function fileOperation(
  context: OperationContext,
  name: Buffer,
  footprint: (handle: FileHandle) => Footprint,
  run: (handle: FileHandle) => Promise<Buffer>,
  otherwise: StatusName = 'FAILURE',
): Operation {
  return {
    subject: () => handleSubject(context, name),
    footprint() {
      const handle = context.handles.findFile(name);
      // It may be what an OPEN under way is about to get: then the answer has to wait for that.
      return handle === undefined ? CHANGE : footprint(handle);
    },
    run: async () => run(context.handles.file(name, otherwise)),
  };
}

async function openFile(path: Buffer, flags: number, mode: number): Promise<Omit<FileHandle, 'number'>> {
  const descriptor = await openDescriptor(path, flags | ALWAYS_FLAGS, mode);
  try {
    const file = fileKeyFrom(await statDescriptor(descriptor));
    return { kind: 'file', descriptor, file, append: (flags & constants.O_APPEND) !== 0, path };
  } catch (error) {
    await closeDescriptor(descriptor);
    throw error;
  }
}

function fileKeyFrom({ dev, ino }: Stats): FileKey {
  return `${dev}:${ino}`;
}

function systemFlagsFrom(flags: number): number {
  const has = (flag: number) => (flags & flag) !== 0;
  const access = !has(OpenFlag.WRITE)
    ? constants.O_RDONLY
    : has(OpenFlag.READ)
      ? constants.O_RDWR
      : constants.O_WRONLY;
  return (
    access |
    (has(OpenFlag.APPEND) ? constants.O_APPEND : 0) |
    (has(OpenFlag.CREAT) ? constants.O_CREAT : 0) |
    (has(OpenFlag.TRUNC) ? constants.O_TRUNC : 0) |
    (has(OpenFlag.EXCL) ? constants.O_EXCL : 0)
  );
}

async function applyToDescriptor(descriptor: number, attributes: Attributes): Promise<void> {
  await applyEach(attributes, {
    size: (size) => truncateDescriptor(descriptor, size),
    permissions: (mode) => chmodDescriptor(descriptor, mode),
    times: ({ access, modification }) => setDescriptorTimes(descriptor, access, modification),
    owner: ({ uid, gid }) => chownDescriptor(descriptor, uid, gid),
  });
}
