// File attributes on the wire: reading what a client asks to set, writing what a file has.

import type { Stats } from 'node:fs';
import type { FieldReader, SftpPacketWriter } from './wire.ts';

const AttributeFlag = {
  SIZE: 0x00000001,
  UIDGID: 0x00000002,
  PERMISSIONS: 0x00000004,
  ACMODTIME: 0x00000008,
  EXTENDED: 0x80000000,
} as const;

const ALL_OF_A_FILE =
  AttributeFlag.SIZE | AttributeFlag.UIDGID | AttributeFlag.PERMISSIONS | AttributeFlag.ACMODTIME;

const PERMISSION_BITS = 0o7777;
const MAX_U32 = 0xffffffff;

/** What a client asks to set; undefined is "leave as it is". */
export interface Attributes {
  /** Bytes. */
  size: number | undefined;
  owner: { uid: number; gid: number } | undefined;
  /** Permission bits only: a type sent along with them is dropped. */
  permissions: number | undefined;
  /** Seconds since the Unix epoch. */
  times: { access: number; modification: number } | undefined;
}

/** Reads an ATTRS field; throws a Refusal where it is cut short. Extended pairs are skipped. */
export function readAttributes(fields: FieldReader): Attributes {
  const flags = fields.u32();
  const has = (flag: number) => (flags & flag) !== 0;
  const attributes: Attributes = {
    size: has(AttributeFlag.SIZE) ? fields.u64() : undefined,
    owner: has(AttributeFlag.UIDGID) ? { uid: fields.u32(), gid: fields.u32() } : undefined,
    permissions: has(AttributeFlag.PERMISSIONS) ? fields.u32() & PERMISSION_BITS : undefined,
    times: has(AttributeFlag.ACMODTIME) ? { access: fields.u32(), modification: fields.u32() } : undefined,
  };
  if (has(AttributeFlag.EXTENDED)) {
    for (let pairs = fields.u32(); pairs > 0; pairs -= 1) {
      fields.string();
      fields.string();
    }
  }
  return attributes;
}

/** Writes the attributes of a file. */
export function writeStats(packet: SftpPacketWriter, stats: Stats): void {
  packet
    .u32(ALL_OF_A_FILE)
    .u64(stats.size)
    .u32(stats.uid)
    .u32(stats.gid)
    .u32(stats.mode)
    .u32(wireSecondsFrom(stats.atimeMs))
    .u32(wireSecondsFrom(stats.mtimeMs));
}

/** Writes "no attributes", for a name that only is a name. */
export function writeNoAttributes(packet: SftpPacketWriter): void {
  packet.u32(0);
}

/** Version 3 has 32 bits of seconds: times before 1970 and after 2106 become the nearest it can say. */
function wireSecondsFrom(ms: number): number {
  return Math.min(Math.max(Math.floor(ms / 1000), 0), MAX_U32);
}
