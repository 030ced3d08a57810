// The replay buffer: what one end wrote and the other has not acknowledged, as frames ready to be sent again.
import { DATA_HEAD_BYTES, DATA_HEADROOM_BYTES, encodeData, encodeDataInPlace, encodeFin } from './frames.ts';
import { type FlowLimits, fillsItsMemory } from './limits.ts';

/** A frame in the sequence. `end` is the offset behind its last byte; a FIN takes one place. */
interface Entry {
  readonly frame: Buffer;
  readonly start: number;
  readonly end: number;
}

/** What an entry costs beside its bytes (objects, allocator), so that the limit holds for tiny writes too. */
const ENTRY_COST_BYTES = 128;

/** Places before `#head` (their frames are let go at once) are removed in batches: an ACK moves no array. */
const COMPACT_AFTER_ENTRIES = 256;

/**
 * The sender's half of one direction. Offsets: acked <= sent <= highest <= written; the entries cover
 * acked..written; `sent` goes back on a resume, the others only grow (`written` shrinks in `dropUnsent` alone).
 */
export class ReplayBuffer {
  readonly #limits: FlowLimits;
  #entries: (Entry | undefined)[] = [];
  /** The first entry that is not wholly acknowledged, and the next one to send. */
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

  /** Memory held, at most the window plus what one write brought over it. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  get full(): boolean {
    return this.#heldBytes >= this.#limits.windowBytes;
  }

  /** All that was written is acknowledged. */
  get settled(): boolean {
    return this.#acked === this.#written;
  }

  get acked(): number {
    return this.#acked;
  }

  /** What a peer may lack of all that was ever sent. */
  get unconfirmed(): { readonly from: number; readonly to: number } {
    return { from: this.#acked, to: this.#highest };
  }

  /**
   * Makes frames of `chunk`: one where it lies, when there is room for a head before it and it fills its memory; else by
   * copying, of one size, for a short one costs everybody on the way as much as a long one.
   */
  append(chunk: Buffer, headroom: number): void {
    const hasRoom = headroom >= DATA_HEADROOM_BYTES && chunk.length <= this.#limits.frameBytes;
    if (hasRoom && fillsItsMemory(chunk, this.#limits)) {
      this.#add(encodeDataInPlace(this.#written, chunk), chunk.length);
      return;
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
   * The next frame to send, or undefined when all is sent or the peer's window is used up.
   * The frame stays here too: it must not be altered.
   */
  next(): Buffer | undefined {
    const entry = this.#entries[this.#cursor];
    if (entry === undefined || entry.end > this.#acked + this.#limits.windowBytes) return undefined;
    const frame = this.#sent > entry.start ? restOf(entry, this.#sent) : entry.frame;
    this.#cursor += 1;
    this.#sent = entry.end;
    this.#highest = Math.max(this.#highest, entry.end);
    return frame;
  }

  /** The peer took all before `total`. Refused and unchanged when that was never sent, or was less before. */
  acknowledge(total: number): 'ok' | 'never_sent' | 'backwards' {
    if (total > this.#highest) return 'never_sent';
    if (total < this.#acked) return 'backwards';
    this.#acked = total;
    for (;;) {
      const entry = this.#entries[this.#head];
      if (entry === undefined || entry.end > total) break;
      this.#heldBytes -= costOf(entry);
      this.#entries[this.#head] = undefined;
      this.#head += 1;
    }
    if (this.#cursor < this.#head) this.#cursor = this.#head;
    if (this.#sent < total) this.#sent = total;
    if (this.#head >= COMPACT_AFTER_ENTRIES && this.#head * 2 >= this.#entries.length) this.#compact();
    return 'ok';
  }

  /** Whether a peer may say that it received `received` bytes: no less than it acknowledged, no more than was sent. */
  covers(received: number): boolean {
    return received >= this.#acked && received <= this.#highest;
  }

  /** Sending goes on at `received`, which it must cover. Returns how many bytes will be sent again. */
  rewind(received: number): number {
    this.#sent = received;
    this.#cursor = this.#head;
    while ((this.#entries[this.#cursor]?.end ?? Number.POSITIVE_INFINITY) <= received) this.#cursor += 1;
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

  /** Gives the memory back; the session is over. */
  clear(): void {
    this.#entries = [];
    this.#head = 0;
    this.#cursor = 0;
    this.#heldBytes = 0;
  }

  #add(frame: Buffer, places: number): void {
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
}

/** The frame for the part of `entry` from `offset` on. A FIN has one place, so there is never a part of it. */
function restOf(entry: Entry, offset: number): Buffer {
  return encodeData(offset, entry.frame.subarray(DATA_HEAD_BYTES + offset - entry.start));
}

function costOf(entry: Entry): number {
  return entry.frame.length + ENTRY_COST_BYTES;
}
