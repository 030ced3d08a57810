// Requests on directories: OPENDIR, READDIR, MKDIR, RMDIR.

import { mkdir, rmdir } from 'node:fs/promises';
import { readAttributes, writeStats } from '../attributes.ts';
import { type DirectoryListing, openListing } from '../directory-listing.ts';
import { LISTING_BYTES } from '../limits.ts';
import { longNameFrom } from '../long-name.ts';
import {
  CHANGE,
  handleSubject,
  LOOK,
  type OperationContext,
  type ParseOperation,
  pathOperation,
  readPath,
} from '../operation.ts';
import { eofReply, handleReply, okReply } from '../replies.ts';
import { PacketType, SftpPacketWriter } from '../wire.ts';

const DEFAULT_DIRECTORY_MODE = 0o777;

/** Where a NAME reply has its count: after the length, the type and the request id. */
const COUNT_OFFSET = 9;

/** More than one entry takes: a name of 255 bytes twice, the other fields of its long name, and its attributes. */
const LONGEST_ENTRY_BYTES = 768;

export const parseOpendir: ParseOperation = (id, fields, context) => {
  const path = readPath(fields, context);
  return pathOperation(path, LOOK, async () => {
    await context.accounts.refresh();
    const handle = await context.handles.add(async () => ({
      kind: 'directory',
      listing: await openListing(path),
      path,
    }));
    return handleReply(id, handle);
  });
};

export const parseReaddir: ParseOperation = (id, fields, context) => {
  const name = fields.string();
  return {
    subject: () => handleSubject(context, name),
    footprint() {
      const handle = context.handles.findDirectory(name);
      return handle === undefined ? CHANGE : { kind: 'look', cursor: handle.number };
    },
    run: async () => listingReply(id, context.handles.directory(name).listing, context),
  };
};

export const parseMkdir: ParseOperation = (id, fields, context) => {
  const path = readPath(fields, context);
  const { permissions } = readAttributes(fields);
  return pathOperation(path, CHANGE, async () => {
    await mkdir(path, { mode: permissions ?? DEFAULT_DIRECTORY_MODE });
    return okReply(id);
  });
};

export const parseRmdir: ParseOperation = (id, fields, context) => {
  const path = readPath(fields, context);
  return pathOperation(path, CHANGE, async () => {
    await rmdir(path);
    return okReply(id);
  });
};

/** As many entries as fit into LISTING_BYTES, or EOF when there are none left. */
async function listingReply(
  id: number,
  listing: DirectoryListing,
  { accounts }: OperationContext,
): Promise<Buffer> {
  const packet = new SftpPacketWriter(PacketType.NAME).u32(id).u32(0);
  const nowMs = Date.now();
  let count = 0;
  while (packet.length + LONGEST_ENTRY_BYTES <= LISTING_BYTES) {
    const entry = await listing.next();
    if (entry === undefined) {
      break;
    }
    packet.string(entry.name).string(longNameFrom(entry.name, entry.stats, accounts, nowMs));
    writeStats(packet, entry.stats);
    count += 1;
  }
  return count === 0 ? eofReply(id) : packet.u32At(COUNT_OFFSET, count).finish();
}
