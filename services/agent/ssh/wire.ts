// RFC 4251 strings: a length (u32), then that many bytes.

/** Encodes a string. */
export function wireString(content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A cursor over a buffer; every read past the end gives undefined from then on. */
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

  /** What has not been read. */
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
