// The wire of SFTP version 3: packet types, flags, and the reading and writing of their fields (draft-ietf-secsh-filexfer-02).

import { StatusRefusal } from './refusal.ts';

export const SFTP_VERSION = 3;

export const PacketType = {
  INIT: 1,
  VERSION: 2,
  OPEN: 3,
  CLOSE: 4,
  READ: 5,
  WRITE: 6,
  LSTAT: 7,
  FSTAT: 8,
  SETSTAT: 9,
  FSETSTAT: 10,
  OPENDIR: 11,
  READDIR: 12,
  REMOVE: 13,
  MKDIR: 14,
  RMDIR: 15,
  REALPATH: 16,
  STAT: 17,
  RENAME: 18,
  READLINK: 19,
  SYMLINK: 20,
  STATUS: 101,
  HANDLE: 102,
  DATA: 103,
  NAME: 104,
  ATTRS: 105,
  EXTENDED: 200,
  EXTENDED_REPLY: 201,
} as const;

export const OpenFlag = { READ: 1, WRITE: 2, APPEND: 4, CREAT: 8, TRUNC: 16, EXCL: 32 } as const;

const U32_RANGE = 2 ** 32;
const LENGTH_FIELD_BYTES = 4;
const FIRST_PACKET_BYTES = 256;

/** Reads the fields of one packet in order. Every method throws a StatusRefusal with `BAD_MESSAGE` where the packet is too short. */
export class FieldReader {
  readonly #packet: Buffer;
  #offset: number;

  constructor(packet: Buffer, offset = 0) {
    this.#packet = packet;
    this.#offset = offset;
  }

  u8(): number {
    return this.#packet.readUInt8(this.#advance(1));
  }

  u32(): number {
    return this.#packet.readUInt32BE(this.#advance(4));
  }

  /** An offset, size or length. Beyond MAX_OFFSET it is near what was sent, no longer exact. */
  u64(): number {
    const at = this.#advance(8);
    return this.#packet.readUInt32BE(at) * U32_RANGE + this.#packet.readUInt32BE(at + 4);
  }

  /** A string: any bytes. It is a view of the packet; copy it to keep it for long. */
  string(): Buffer {
    const length = this.u32();
    const at = this.#advance(length);
    return this.#packet.subarray(at, at + length);
  }

  /** A path: any bytes but NUL, which no system call takes. */
  path(): Buffer {
    const path = this.string();
    if (path.includes(0)) {
      throw new StatusRefusal('BAD_MESSAGE', 'the path has a NUL byte in it');
    }
    return path;
  }

  #advance(bytes: number): number {
    const at = this.#offset;
    if (bytes > this.#packet.length - at) {
      throw new StatusRefusal('BAD_MESSAGE', 'the packet ends before its fields do');
    }
    this.#offset = at + bytes;
    return at;
  }
}

/** Writes one packet, growing as it must. */
export class SftpPacketWriter {
  #bytes = Buffer.allocUnsafe(FIRST_PACKET_BYTES);
  #length = LENGTH_FIELD_BYTES;

  constructor(type: number) {
    this.u8(type);
  }

  /** Bytes written so far, the length field included. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#bytes.writeUInt8(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#bytes.writeUInt32BE(value, at);
    return this;
  }

  u64(value: number | bigint): this {
    const at = this.#reserve(8);
    this.#bytes.writeBigUInt64BE(BigInt(value), at);
    return this;
  }

  string(value: Buffer | string): this {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    this.u32(bytes.length);
    const at = this.#reserve(bytes.length);
    bytes.copy(this.#bytes, at);
    return this;
  }

  /** Replaces the number written at `at`: for a count that is known only at the end. */
  u32At(at: number, value: number): this {
    this.#bytes.writeUInt32BE(value, at);
    return this;
  }

  /** The packet with its length in front. The writer is used up. */
  finish(): Buffer {
    this.#bytes.writeUInt32BE(this.#length - LENGTH_FIELD_BYTES, 0);
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(bytes: number): number {
    const at = this.#length;
    const needed = at + bytes;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    this.#length = needed;
    return at;
  }
}
