// RFC 4251 strings: a length (u32), then that many bytes.
import { isUtf8 } from 'node:buffer';

/** Encodes a string. */
export function wireString(content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A number of 32 bits (RFC 4251 section 5). */
export function wireUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A number of 64 bits (RFC 4251 section 5). */
export function wireUint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** A positive number, given by its digits (RFC 4251 section 5). */
export function wireMpint(digits: Buffer): Buffer {
  const first = digits.findIndex((byte) => byte !== 0);
  const bare = first === -1 ? Buffer.alloc(0) : digits.subarray(first);
  return wireString((bare[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), bare]) : bare);
}

/** A cursor over a buffer. A read past the end gives undefined and leaves the cursor where it is. */
export class WireReader {
  readonly #buffer: Buffer;
  #position = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  /** A length-prefixed string. */
  string(): Buffer | undefined {
    if (this.#position + 4 > this.#buffer.length) return undefined;
    return this.raw(this.#buffer.readUInt32BE(this.#position), 4);
  }

  /** A string that is text; undefined also if it is no UTF-8, or holds a NUL, at which programs in C stop reading. */
  text(): string | undefined {
    const bytes = this.string();
    return bytes === undefined || bytes.includes(0) || !isUtf8(bytes) ? undefined : bytes.toString('utf8');
  }

  /** One byte, as a number. */
  byte(): number | undefined {
    return this.raw(1)?.[0];
  }

  uint32(): number | undefined {
    return this.raw(4)?.readUInt32BE(0);
  }

  uint64(): bigint | undefined {
    return this.raw(8)?.readBigUInt64BE(0);
  }

  /** True once all has been read. */
  isAtEnd(): boolean {
    return this.#position === this.#buffer.length;
  }

  /** What has not been read; the cursor stays. */
  rest(): Buffer {
    return this.#buffer.subarray(this.#position);
  }

  /** `length` bytes, after skipping `skip`. */
  raw(length: number, skip = 0): Buffer | undefined {
    const start = this.#position + skip;
    const end = start + length;
    if (end > this.#buffer.length) return undefined;
    this.#position = end;
    return this.#buffer.subarray(start, end);
  }
}
