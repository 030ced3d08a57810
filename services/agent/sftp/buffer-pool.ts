// The buffer pool: large buffers used again, so that a transfer does not have the system map and clear memory for every packet.

import { MAX_PACKET_BYTES } from './limits.ts';

/** Below this a buffer is cheap to make, and a pooled one would be held mostly empty. */
const POOLED_FROM_BYTES = 64 * 1024;

/** Room for a packet and its length field. */
const POOLED_BYTES = MAX_PACKET_BYTES + 4;

/** Spare buffers kept: about what the requests at work and their replies need at once. */
const MAX_SPARE = 16;

/** Belongs to one session: no content of one is ever in reach of another. */
export class BufferPool {
  readonly #spare: ArrayBuffer[] = [];
  /** What is out, so that memory of other origin, or given back twice, is never lent to two. */
  readonly #lent = new WeakSet<ArrayBufferLike>();

  /** A buffer of `length` bytes with anything in it; up to MAX_PACKET_BYTES + 4. */
  take(length: number): Buffer {
    if (length < POOLED_FROM_BYTES) {
      return Buffer.allocUnsafe(length);
    }
    const memory = this.#spare.pop() ?? new ArrayBuffer(POOLED_BYTES);
    this.#lent.add(memory);
    return Buffer.from(memory, 0, length);
  }

  /** Takes a buffer back, or a view of one; nobody may use it from here on. Buffers of other origin are left alone. */
  give(buffer: Buffer): void {
    const { buffer: memory } = buffer;
    if (this.#lent.delete(memory) && memory instanceof ArrayBuffer && this.#spare.length < MAX_SPARE) {
      this.#spare.push(memory);
    }
  }
}
