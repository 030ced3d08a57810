// The packet reader: cuts the stream of a channel into packets, keeps the memory they lie in, and reads their fields.
import { MAX_PACKET_BYTES } from './limits.ts';
import { StatusRefusal } from './refusal.ts';

const LENGTH_BYTES = 4;
const U32_RANGE = 2 ** 32;

/** Below this a buffer is cheap to make, and a pooled one would be held mostly empty. */
const POOLED_FROM_BYTES = 64 * 1024;

/** Room for a packet and its length field. */
const POOLED_BYTES = LENGTH_BYTES + MAX_PACKET_BYTES;

/** Spare buffers kept: about what the requests at work and their replies need at once. */
const MAX_SPARE_BUFFERS = 16;

/**
 * Large buffers, used again, so that the system does not map and clear memory for every packet of a transfer. Belongs to
 * one connection: no content of one is ever in reach of another.
 */
export class BufferPool {
  readonly #spare: ArrayBuffer[] = [];
  /** What is out. Memory that came from elsewhere, or was given back before, is not in it and never lent to two. */
  readonly #lent = new WeakSet<ArrayBufferLike>();

  /** A buffer of `length` bytes, up to MAX_PACKET_BYTES + 4, with anything in it. */
  take(length: number): Buffer {
    if (length < POOLED_FROM_BYTES) return Buffer.allocUnsafe(length);
    const memory = this.#spare.pop() ?? new ArrayBuffer(POOLED_BYTES);
    this.#lent.add(memory);
    return Buffer.from(memory, 0, length);
  }

  /** Takes a buffer back, or a view of one; nobody may use it from here on. Leaves other buffers alone. */
  give(buffer: Buffer): void {
    const { buffer: memory } = buffer;
    if (!this.#lent.delete(memory) || !(memory instanceof ArrayBuffer)) return;
    if (this.#spare.length < MAX_SPARE_BUFFERS) this.#spare.push(memory);
  }
}

export type PacketOutcome =
  | { readonly kind: 'packet'; readonly packet: Buffer }
  /** The next packet has not arrived whole. */
  | { readonly kind: 'incomplete' }
  /** The stream is not SFTP: a packet that claims to be empty or longer than MAX_PACKET_BYTES. */
  | { readonly kind: 'bad_length'; readonly length: number };

/** What is read next. `filled` counts the bytes that are there. */
type Part =
  | { readonly kind: 'length'; readonly bytes: Buffer; filled: number }
  | { readonly kind: 'body'; readonly length: number }
  /** A body that more than one chunk carries. */
  | { readonly kind: 'split_body'; readonly bytes: Buffer; filled: number };

/**
 * Holds the chunks that were pushed and not yet taken. A packet within one chunk is a view of it. Any other is copied
 * once, into memory of the pool, and whoever receives it gives that back.
 */
export class PacketReader {
  readonly #pool: BufferPool;
  readonly #chunks: Buffer[] = [];
  /** Bytes of the first chunk that were taken already. */
  #used = 0;
  #part: Part = startOfPacket();

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  push(chunk: Buffer): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
  }

  /** Takes the next packet, without its length field. After `bad_length` the reader is of no further use. */
  next(): PacketOutcome {
    for (;;) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) return { kind: 'incomplete' };
      const part = this.#part;
      switch (part.kind) {
        case 'length': {
          part.filled += this.#copy(chunk, part.bytes, part.filled);
          if (part.filled < LENGTH_BYTES) break;
          const length = part.bytes.readUInt32BE(0);
          if (length === 0 || length > MAX_PACKET_BYTES) return { kind: 'bad_length', length };
          this.#part = { kind: 'body', length };
          break;
        }
        case 'body': {
          if (chunk.length - this.#used < part.length) {
            this.#part = { kind: 'split_body', bytes: this.#pool.take(part.length), filled: 0 };
            break;
          }
          const packet = chunk.subarray(this.#used, this.#used + part.length);
          this.#use(chunk, part.length);
          this.#part = startOfPacket();
          return { kind: 'packet', packet };
        }
        case 'split_body': {
          part.filled += this.#copy(chunk, part.bytes, part.filled);
          if (part.filled < part.bytes.length) break;
          this.#part = startOfPacket();
          return { kind: 'packet', packet: part.bytes };
        }
      }
    }
  }

  #copy(chunk: Buffer, target: Buffer, filled: number): number {
    const count = chunk.copy(target, filled, this.#used);
    this.#use(chunk, count);
    return count;
  }

  #use(chunk: Buffer, count: number): void {
    this.#used += count;
    if (this.#used < chunk.length) return;
    this.#chunks.shift();
    this.#used = 0;
  }
}

function startOfPacket(): Part {
  return { kind: 'length', bytes: Buffer.allocUnsafe(LENGTH_BYTES), filled: 0 };
}

/** Reads the fields of one packet in order. Every method throws a StatusRefusal (BAD_MESSAGE) where the packet is too short. */
export class FieldReader {
  readonly #packet: Buffer;
  #offset = 0;

  constructor(packet: Buffer) {
    this.#packet = packet;
  }

  u8(): number {
    return this.#packet.readUInt8(this.#advance(1));
  }

  u32(): number {
    return this.#packet.readUInt32BE(this.#advance(4));
  }

  /** An offset, size or length. Beyond MAX_OFFSET it is near what was sent and no longer exact. */
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
    if (path.includes(0)) throw new StatusRefusal('BAD_MESSAGE', 'the path has a NUL byte in it');
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
