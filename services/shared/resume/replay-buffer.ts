// The replay buffer: what this end wrote and the peer has not acknowledged, as frames that are ready to be sent again.
import { allocateBytes, type ByteChunk } from '#shared/stream/byte-chunk.ts';
import { DATA_HEAD_BYTES, DATA_HEADROOM_BYTES, encodeData, encodeDataInPlace, encodeFin } from './frames.ts';
import { type FlowLimits, fillsItsMemory } from './limits.ts';

/** A frame in the sequence. `end` is the offset behind its last byte; a FIN takes one place. */
interface Entry {
  readonly frame: ByteChunk;
  readonly start: number;
  readonly end: number;
}

/** Stands where an acknowledged frame was. */
const NOTHING: Entry = { frame: allocateBytes(0), start: 0, end: 0 };

/** What an entry costs beside its bytes (objects, allocator), so that the limit holds for tiny writes too. */
const ENTRY_COST_BYTES = 128;

/**
 * The sender's half of one direction. Offsets: acked <= sent <= highest <= written; the entries cover acked..written.
 * `sent` goes back when another transport takes over; the others only grow (`written` falls in `dropUnsent` alone).
 */
export class ReplayBuffer {
  readonly #limits: FlowLimits;
  #entries: Entry[] = [];
  /** The first entry that is not wholly acknowledged, and the one to send next. */
  #head = 0;
  #cursor = 0;
  #acked = 0;
  #sent = 0;
  #highest = 0;
  #written = 0;
  #heldBytes = 0;

  constructor(limits: FlowLimits) {
    this.#limits = limits;
  }

  /** Memory held: at most the window, plus what one write brought over it. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  get isFull(): boolean {
    return this.#heldBytes >= this.#limits.windowBytes;
  }

  /** Whether all that was written is acknowledged. */
  get isSettled(): boolean {
    return this.#acked === this.#written;
  }

  get acked(): number {
    return this.#acked;
  }

  /**
   * Makes frames of `chunk`. It becomes one frame where it lies, if there is room for a head before it and it fills its
   * memory. Otherwise it is copied into frames of one size: a short one costs everybody on the way as much as a long one.
   */
  append(chunk: ByteChunk, headroom: number): void {
    const hasRoom = headroom >= DATA_HEADROOM_BYTES && chunk.length <= this.#limits.frameBytes;
    if (hasRoom && fillsItsMemory(chunk, this.#limits)) {
      return this.#add(encodeDataInPlace(this.#written, chunk), chunk.length);
    }
    const share = Math.ceil(chunk.length / Math.ceil(chunk.length / this.#limits.frameBytes));
    for (let at = 0; at < chunk.length; at += share) {
      const bytes = chunk.subarray(at, at + share);
      this.#add(encodeData(this.#written, bytes), bytes.length);
    }
  }

  appendFin(): void {
    this.#add(encodeFin(this.#written), 1);
  }

  /**
   * The next frame to send; undefined if all is sent or the peer's window is used up. The frame stays here too: it must
   * not be altered.
   */
  next(): ByteChunk | undefined {
    const entry = this.#entries[this.#cursor];
    if (entry === undefined || entry.end > this.#acked + this.#limits.windowBytes) return undefined;
    const frame = this.#sent > entry.start ? restOf(entry, this.#sent) : entry.frame;
    this.#cursor += 1;
    this.#sent = entry.end;
    this.#highest = Math.max(this.#highest, entry.end);
    return frame;
  }

  /** The peer took all before `total`. Refused and unchanged if that was never sent, or was more before. */
  acknowledge(total: number): 'ok' | 'never_sent' | 'backwards' {
    if (total > this.#highest) return 'never_sent';
    if (total < this.#acked) return 'backwards';
    this.#acked = total;
    const head = this.#indexOf(total);
    for (let index = this.#head; index < head; index += 1) {
      // The memory goes back at once; the place in the array waits, so that an ACK does not move all the others.
      this.#heldBytes -= costOf(this.#entries[index] ?? NOTHING);
      this.#entries[index] = NOTHING;
    }
    this.#head = head;
    this.#cursor = Math.max(this.#cursor, head);
    this.#sent = Math.max(this.#sent, total);
    if (head * 2 >= this.#entries.length) this.#compact();
    return 'ok';
  }

  /** Whether a peer may say that it received `received` bytes: no less than it acknowledged, no more than was sent. */
  covers(received: number): boolean {
    return received >= this.#acked && received <= this.#highest;
  }

  /** Sending goes on at `received`, which it must cover. Returns how many bytes will be sent again. */
  rewind(received: number): number {
    this.#sent = received;
    this.#cursor = this.#indexOf(received);
    return this.#highest - received;
  }

  /** Forgets what was never sent: the peer closed, nobody would read it. */
  dropUnsent(): void {
    while ((this.#entries.at(-1)?.start ?? -1) >= this.#highest) {
      const entry = this.#entries.pop();
      if (entry !== undefined) this.#heldBytes -= costOf(entry);
    }
    this.#written = this.#highest;
    this.#cursor = Math.min(this.#cursor, this.#entries.length);
  }

  /** Gives the memory back: the stream is over. */
  clear(): void {
    this.#entries = [];
    this.#head = 0;
    this.#cursor = 0;
    this.#heldBytes = 0;
  }

  #add(frame: ByteChunk, places: number): void {
    const entry = { frame, start: this.#written, end: this.#written + places };
    this.#entries.push(entry);
    this.#written = entry.end;
    this.#heldBytes += costOf(entry);
  }

  #compact(): void {
    this.#entries = this.#entries.slice(this.#head);
    this.#cursor -= this.#head;
    this.#head = 0;
  }

  /** Of the first entry that is not wholly before `offset`, which is at least `acked`. */
  #indexOf(offset: number): number {
    let index = this.#head;
    while ((this.#entries[index]?.end ?? Number.POSITIVE_INFINITY) <= offset) index += 1;
    return index;
  }
}

/** The frame for the part of `entry` from `offset` on. A FIN has one place, so there is never a part of it. */
function restOf(entry: Entry, offset: number): ByteChunk {
  return encodeData(offset, entry.frame.subarray(DATA_HEAD_BYTES + offset - entry.start));
}

function costOf(entry: Entry): number {
  return entry.frame.length + ENTRY_COST_BYTES;
}
