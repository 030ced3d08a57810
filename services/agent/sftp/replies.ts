// The replies: each function builds one whole packet.

import type { Stats } from 'node:fs';
import { writeNoAttributes, writeStats } from './attributes.ts';
import { StatusCode, type StatusRefusal } from './refusal.ts';
import { PacketType, SftpPacketWriter } from './wire.ts';

/** Length field, type, request id and the string's own length: what stands before the bytes of a DATA reply. */
export const DATA_HEADER_BYTES = 13;

const NO_LANGUAGE = '';

export function okReply(id: number): Buffer {
  return statusReply(id, StatusCode.OK, 'success');
}

export function eofReply(id: number): Buffer {
  return statusReply(id, StatusCode.EOF, 'end of file');
}

export function refusalReply(id: number, refusal: StatusRefusal): Buffer {
  return statusReply(id, StatusCode[refusal.code], refusal.message);
}

function statusReply(id: number, code: number, message: string): Buffer {
  return new SftpPacketWriter(PacketType.STATUS)
    .u32(id)
    .u32(code)
    .string(message)
    .string(NO_LANGUAGE)
    .finish();
}

export function handleReply(id: number, handle: Buffer): Buffer {
  return new SftpPacketWriter(PacketType.HANDLE).u32(id).string(handle).finish();
}

/** `reply` holds `count` bytes of the file after DATA_HEADER_BYTES that are filled in here: no copy is made. */
export function dataReply(id: number, reply: Buffer, count: number): Buffer {
  reply.writeUInt32BE(DATA_HEADER_BYTES - 4 + count, 0);
  reply.writeUInt8(PacketType.DATA, 4);
  reply.writeUInt32BE(id, 5);
  reply.writeUInt32BE(count, 9);
  return reply.subarray(0, DATA_HEADER_BYTES + count);
}

/** A NAME reply with one path and no attributes: the answer to REALPATH, READLINK and their kin. */
export function pathReply(id: number, path: Buffer): Buffer {
  const packet = new SftpPacketWriter(PacketType.NAME).u32(id).u32(1).string(path).string(path);
  writeNoAttributes(packet);
  return packet.finish();
}

export function attributesReply(id: number, stats: Stats): Buffer {
  const packet = new SftpPacketWriter(PacketType.ATTRS).u32(id);
  writeStats(packet, stats);
  return packet.finish();
}

/** An EXTENDED_REPLY to which the caller adds the fields of the extension. */
export function startExtendedReply(id: number): SftpPacketWriter {
  return new SftpPacketWriter(PacketType.EXTENDED_REPLY).u32(id);
}
