// The packet reader: cuts a stream of chunks into SFTP packets, without joining chunks that no packet spans.

import type { BufferPool } from './buffer-pool.ts';
import { MAX_PACKET_BYTES } from './limits.ts';

export type PacketOutcome =
  | { kind: 'packet'; packet: Buffer }
  /** The next packet has not arrived whole. */
  | { kind: 'incomplete' }
  /** The stream is not SFTP: a packet that claims to be empty or longer than MAX_PACKET_BYTES. */
  | { kind: 'bad-length'; length: number };

type State =
  | { kind: 'length'; bytes: Buffer; filled: number }
  | { kind: 'body'; length: number }
  | { kind: 'body-in-parts'; body: Buffer; filled: number };

const LENGTH_BYTES = 4;

/** Holds what was pushed and not yet taken. A packet within one chunk is a view of it; others are copied once,
 * into memory of the pool, to which the receiver gives it back. */
export class PacketReader {
  #chunks: Buffer[] = [];
  /** Bytes of the first chunk already used. */
  #used = 0;
  #state: State = startOfPacket();
  readonly #pool: BufferPool;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  push(chunk: Buffer): void {
    if (chunk.length > 0) {
      this.#chunks.push(chunk);
    }
  }

  /** Takes the next packet, without its length field. After `bad-length` the reader is of no further use. */
  next(): PacketOutcome {
    for (;;) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) {
        return { kind: 'incomplete' };
      }
      const state = this.#state;
      switch (state.kind) {
        case 'length': {
          state.filled += this.#copy(chunk, state.bytes, state.filled);
          if (state.filled < LENGTH_BYTES) {
            break;
          }
          const length = state.bytes.readUInt32BE(0);
          if (length === 0 || length > MAX_PACKET_BYTES) {
            return { kind: 'bad-length', length };
          }
          this.#state = { kind: 'body', length };
          break;
        }
        case 'body': {
          if (chunk.length - this.#used < state.length) {
            this.#state = { kind: 'body-in-parts', body: this.#pool.take(state.length), filled: 0 };
            break;
          }
          const packet = chunk.subarray(this.#used, this.#used + state.length);
          this.#use(chunk, state.length);
          this.#state = startOfPacket();
          return { kind: 'packet', packet };
        }
        case 'body-in-parts': {
          state.filled += this.#copy(chunk, state.body, state.filled);
          if (state.filled < state.body.length) {
            break;
          }
          this.#state = startOfPacket();
          return { kind: 'packet', packet: state.body };
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
    if (this.#used === chunk.length) {
      this.#chunks.shift();
      this.#used = 0;
    }
  }
}

function startOfPacket(): State {
  return { kind: 'length', bytes: Buffer.allocUnsafe(LENGTH_BYTES), filled: 0 };
}
