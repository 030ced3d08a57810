// Requests on directories: OPENDIR, READDIR, MKDIR, RMDIR.
import { mkdir, rmdir } from 'node:fs/promises';
import { readAttributes, writeStats } from '../attributes.ts';
import { type DirectoryListing, openListing } from '../directory-listing.ts';
import { LISTING_BYTES } from '../limits.ts';
import { longNameFrom } from '../long-name.ts';
import { SftpPacketWriter } from '../packet-writer.ts';
import { eofReply, handleReply, okReply } from '../replies.ts';
import {
  CHANGE,
  LOOK,
  type ParseRequest,
  pathRequest,
  type RequestContext,
  type RequestTable,
  readPath,
} from '../request.ts';
import { PacketType } from '../wire.ts';

const DEFAULT_DIRECTORY_MODE = 0o777;

/** Where a NAME reply has its count: after the length, the type and the request id. */
const COUNT_OFFSET = 9;

/** More than one entry takes: a name of 255 bytes twice, the other fields of its long name, and its attributes. */
const LONGEST_ENTRY_BYTES = 768;

const parseOpendir: ParseRequest = (id, fields, context) => {
  const path = readPath(fields, context);
  return pathRequest(path, LOOK, async () => {
    await context.accounts.refresh();
    return handleReply(id, await context.handles.add(() => openListing(context.files, path)));
  });
};

const parseReaddir: ParseRequest = (id, fields, context) => {
  const name = fields.string();
  return {
    subject: () => context.handles.pathOf(name),
    footprint() {
      const cursor = context.handles.findDirectory(name);
      return cursor === undefined ? CHANGE : { kind: 'look', cursor };
    },
    run: async () => listingReply(id, context.handles.directory(name), context),
  };
};

const parseMkdir: ParseRequest = (id, fields, context) => {
  const path = readPath(fields, context);
  const { permissions } = readAttributes(fields);
  return pathRequest(path, CHANGE, async () => {
    await mkdir(path, { mode: permissions ?? DEFAULT_DIRECTORY_MODE });
    return okReply(id);
  });
};

const parseRmdir: ParseRequest = (id, fields, context) => {
  const path = readPath(fields, context);
  return pathRequest(path, CHANGE, async () => {
    await rmdir(path);
    return okReply(id);
  });
};

export const DIRECTORY_REQUESTS: RequestTable = [
  [PacketType.OPENDIR, parseOpendir],
  [PacketType.READDIR, parseReaddir],
  [PacketType.MKDIR, parseMkdir],
  [PacketType.RMDIR, parseRmdir],
];

/** As many entries as fit into LISTING_BYTES, or EOF when there are none left. */
async function listingReply(
  id: number,
  listing: DirectoryListing,
  { accounts }: RequestContext,
): Promise<Buffer> {
  const packet = new SftpPacketWriter(PacketType.NAME).u32(id).u32(0);
  const nowMs = Date.now();
  let count = 0;
  while (packet.length + LONGEST_ENTRY_BYTES <= LISTING_BYTES) {
    const entry = await listing.next();
    if (entry === undefined) break;
    packet.string(entry.name).string(longNameFrom(entry.name, entry.stats, accounts, nowMs));
    writeStats(packet, entry.stats);
    count += 1;
  }
  return count === 0 ? eofReply(id) : packet.u32At(COUNT_OFFSET, count).finish();
}
