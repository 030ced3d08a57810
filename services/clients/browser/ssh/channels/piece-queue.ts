// The piece queue: what a channel received and nobody has read. Small pieces share memory, or a million of them would cost
// a hundred times what they hold.
import type { ChannelPiece } from './channel-piece.ts';

/** Pieces shorter than this are copied together, in bytes. */
const SMALL_BYTES = 4 * 1024;
/** Memory that they share, in bytes. */
const BLOCK_BYTES = 16 * 1024;

interface Queued {
  readonly from: ChannelPiece['from'];
  readonly memory: Uint8Array;
  length: number;
}

export class PieceQueue {
  #queued: Queued[] = [];

  push({ from, bytes }: ChannelPiece): void {
    const last = this.#queued.at(-1);
    if (last === undefined || bytes.length >= SMALL_BYTES) {
      this.#queued.push({ from, memory: bytes, length: bytes.length });
    } else if (last.from === from && last.length + bytes.length <= last.memory.length) {
      last.memory.set(bytes, last.length);
      last.length += bytes.length;
    } else {
      const memory = new Uint8Array(BLOCK_BYTES);
      memory.set(bytes);
      this.#queued.push({ from, memory, length: bytes.length });
    }
  }

  shift(): ChannelPiece | undefined {
    const first = this.#queued.shift();
    return first && { from: first.from, bytes: first.memory.subarray(0, first.length) };
  }

  clear(): void {
    this.#queued = [];
  }
}
