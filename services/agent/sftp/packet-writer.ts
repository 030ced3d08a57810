// The packet writer: builds one packet to the client, field by field.

const LENGTH_BYTES = 4;
const FIRST_PACKET_BYTES = 256;

/** Writes one packet, which grows as it must. */
export class SftpPacketWriter {
  #bytes = Buffer.allocUnsafe(FIRST_PACKET_BYTES);
  #length = LENGTH_BYTES;

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
    this.#bytes.writeUInt32BE(this.#length - LENGTH_BYTES, 0);
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
