// Writing SSH messages (RFC 4251 section 5): parts that become one payload.
import { joinBytes, writeUint32 } from '#shared/stream/byte-chunk.ts';

const UTF8 = new TextEncoder();

export class SshWriter {
  readonly #parts: Uint8Array[] = [];

  /** Starts with the number of a message, or with nothing. */
  constructor(message?: number) {
    if (message !== undefined) this.byte(message);
  }

  byte(value: number): this {
    return this.raw(Uint8Array.of(value));
  }

  boolean(value: boolean): this {
    return this.byte(value ? 1 : 0);
  }

  uint32(value: number): this {
    const part = new Uint8Array(4);
    writeUint32(part, 0, value);
    return this.raw(part);
  }

  uint64(value: number): this {
    return this.uint32(Math.floor(value / 2 ** 32)).uint32(value % 2 ** 32);
  }

  /** A string of bytes, or of text as UTF-8. */
  string(value: Uint8Array | string): this {
    const bytes = typeof value === 'string' ? UTF8.encode(value) : value;
    return this.uint32(bytes.length).raw(bytes);
  }

  nameList(names: readonly string[]): this {
    return this.string(names.join(','));
  }

  /** A positive integer of big-endian bytes, as an mpint. */
  mpint(bytes: Uint8Array): this {
    let from = 0;
    while (from < bytes.length && bytes[from] === 0) from += 1;
    const significant = bytes.subarray(from);
    const isNegative = (significant[0] ?? 0) >= 0x80;
    this.uint32(significant.length + (isNegative ? 1 : 0));
    if (isNegative) this.byte(0);
    return this.raw(significant);
  }

  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  /** All of it, in memory of its own. */
  bytes(): Uint8Array {
    return joinBytes(this.#parts);
  }
}
