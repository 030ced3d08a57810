// Requests on open files: OPEN, READ, WRITE, FSTAT, FSETSTAT, and CLOSE of any handle.
import { constants } from 'node:fs';
import { readAttributes } from '../attributes.ts';
import { type OpenFile, openFile } from '../handles.ts';
import { MAX_TRANSFER_BYTES } from '../limits.ts';
import type { StatusName } from '../refusal.ts';
import { attributesReply, DATA_HEADER_BYTES, dataReply, eofReply, handleReply, okReply } from '../replies.ts';
import {
  CHANGE,
  LOOK,
  type ParseRequest,
  pathRequest,
  type RequestContext,
  type RequestTable,
  readChanges,
  readPath,
  type SftpRequest,
} from '../request.ts';
import { type Footprint, wholeFile } from '../request-queue.ts';
import { OpenFlag, PacketType } from '../wire.ts';

const DEFAULT_FILE_MODE = 0o666;

const parseOpen: ParseRequest = (id, fields, context) => {
  const path = readPath(fields, context);
  const flags = systemFlagsFrom(fields.u32());
  const { permissions } = readAttributes(fields);
  const changesNothing = (flags & (constants.O_CREAT | constants.O_TRUNC)) === 0;
  return pathRequest(path, changesNothing ? LOOK : CHANGE, async () => {
    const handle = await context.handles.add(() => openFile(path, flags, permissions ?? DEFAULT_FILE_MODE));
    return handleReply(id, handle);
  });
};

const parseClose: ParseRequest = (id, fields, context) => {
  const name = fields.string();
  return {
    subject: () => '',
    footprint: () => CHANGE,
    async run() {
      await context.handles.close(name);
      return okReply(id);
    },
  };
};

const parseRead: ParseRequest = (id, fields, context) => {
  const name = fields.string();
  const offset = fields.u64();
  const length = Math.min(fields.u32(), MAX_TRANSFER_BYTES);
  return fileRequest(context, name, contentOf, async (file) => {
    const reply = context.pool.take(DATA_HEADER_BYTES + length);
    if (length === 0) return dataReply(id, reply, 0);
    const count = await file.read(reply, DATA_HEADER_BYTES, length, offset);
    context.traffic.bytesRead += count;
    return count === 0 ? eofReply(id) : dataReply(id, reply, count);
  });
};

const parseWrite: ParseRequest = (id, fields, context) => {
  const name = fields.string();
  const start = fields.u64();
  const data = fields.string();
  const footprint = ({ key, isForAppending }: OpenFile): Footprint =>
    isForAppending ? wholeFile(key) : { kind: 'write', file: key, start, end: start + data.length };
  return fileRequest(context, name, footprint, async (file) => {
    await file.write(data, start);
    context.traffic.bytesWritten += data.length;
    return okReply(id);
  });
};

const parseFstat: ParseRequest = (id, fields, context) =>
  fileRequest(context, fields.string(), contentOf, async (file) =>
    attributesReply(id, context.files.seen(await file.stat())),
  );

const parseFsetstat: ParseRequest = (id, fields, context) => {
  const name = fields.string();
  const attributes = readChanges(fields, context);
  return fileRequest(
    context,
    name,
    ({ key }) => wholeFile(key),
    async (file) => {
      await file.set(attributes);
      return okReply(id);
    },
  );
};

export const FILE_REQUESTS: RequestTable = [
  [PacketType.OPEN, parseOpen],
  [PacketType.CLOSE, parseClose],
  [PacketType.READ, parseRead],
  [PacketType.WRITE, parseWrite],
  [PacketType.FSTAT, parseFstat],
  [PacketType.FSETSTAT, parseFsetstat],
];

/** A request on an open file; refused with `code` where the handle is not one by the time it runs. */
export function fileRequest(
  context: RequestContext,
  name: Buffer,
  footprint: (file: OpenFile) => Footprint,
  run: (file: OpenFile) => Promise<Buffer>,
  code: StatusName = 'FAILURE',
): SftpRequest {
  const { handles } = context;
  return {
    subject: () => handles.pathOf(name),
    footprint() {
      const file = handles.findFile(name);
      // It may be what an OPEN under way is about to get: then the answer has to wait for that.
      return file === undefined ? CHANGE : footprint(file);
    },
    run: async () => run(handles.file(name, code)),
  };
}

function contentOf({ key }: OpenFile): Footprint {
  return { kind: 'read', file: key };
}

function systemFlagsFrom(flags: number): number {
  const has = (flag: number): boolean => (flags & flag) !== 0;
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
