// The receive window: what arrived, what the local side took of it, and what waits in between.
import { allocateBytes, type ByteChunk } from '#shared/stream/byte-chunk.ts';
import { type FlowLimits, fillsItsMemory } from './limits.ts';

/** Waiting bytes are copied into blocks, so that a million tiny frames hold no more memory than one large one. */
const BLOCK_BYTES = 64 * 1024;

/** Written up to `to`; taken whole. */
interface Block {
  readonly memory: ByteChunk;
  to: number;
}

/** `finished`: the peer's FIN arrived. `taken`: and was taken, after all that came before it. */
type Peer = 'sending' | 'finished' | 'taken';

/** The receiver's half of one direction. Offsets: acknowledged <= taken <= arrived; all of them only grow. */
export class ReceiveWindow {
  readonly #limits: FlowLimits;
  #blocks: Block[] = [];
  #arrived = 0;
  #taken = 0;
  #acknowledged = 0;
  #waitingBytes = 0;
  #peer: Peer = 'sending';

  constructor(limits: FlowLimits) {
    this.#limits = limits;
  }

  get peer(): Peer {
    return this.#peer;
  }

  get arrived(): number {
    return this.#arrived;
  }

  get taken(): number {
    return this.#taken;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Taken by the local side and not yet acknowledged. */
  get unacknowledgedBytes(): number {
    return this.#taken - this.#acknowledged;
  }

  /** Accepts `places` of the sequence, the first of which is `offset`. Refused: nothing has changed. */
  admit(offset: number, places: number): 'ok' | 'after_fin' | 'bad_offset' | 'flow_violation' {
    if (this.#peer !== 'sending') return 'after_fin';
    if (offset !== this.#arrived) return 'bad_offset';
    if (offset + places - this.#acknowledged > this.#limits.windowBytes) return 'flow_violation';
    this.#arrived += places;
    return 'ok';
  }

  /** The place that was admitted last was that of the FIN. */
  finish(): void {
    this.#peer = 'finished';
  }

  /** Takes the FIN, if it arrived and all before it was taken. True once. */
  takeFin(): boolean {
    if (this.#peer !== 'finished' || this.#waitingBytes > 0) return false;
    this.#peer = 'taken';
    this.#taken += 1;
    return true;
  }

  /** Admitted bytes went to the local side at once, or have no reader any more. */
  pass(bytes: number): void {
    this.#taken += bytes;
  }

  /**
   * Admitted bytes have to wait. They are copied if they are a small view of something large, or would leave a block behind
   * that is not half full: what waits holds no more memory than about twice its size.
   */
  store(bytes: ByteChunk): void {
    this.#waitingBytes += bytes.length;
    const last = this.#blocks.at(-1);
    const isPacked = last === undefined || last.to * 2 >= last.memory.length;
    if (isPacked && fillsItsMemory(bytes, this.#limits)) {
      this.#blocks.push({ memory: bytes, to: bytes.length });
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      const block = this.#roomyBlock();
      const copied = Math.min(bytes.length - at, block.memory.length - block.to);
      block.memory.set(bytes.subarray(at, at + copied), block.to);
      block.to += copied;
      at += copied;
    }
  }

  /** The next waiting bytes, now taken; undefined if none wait. The receiver owns them. */
  take(): ByteChunk | undefined {
    const block = this.#blocks.shift();
    if (block === undefined) return undefined;
    this.#waitingBytes -= block.to;
    this.#taken += block.to;
    return block.memory.subarray(0, block.to);
  }

  /** Throws away what waits: the local side closed. It counts as taken. */
  discard(): void {
    this.#taken += this.#waitingBytes;
    this.#waitingBytes = 0;
    this.#blocks = [];
  }

  /** Notes that an ACK is on its way; returns the total that it says. */
  acknowledge(): number {
    this.#acknowledged = this.#taken;
    return this.#taken;
  }

  #roomyBlock(): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.to < last.memory.length) return last;
    const bytes = Math.min(BLOCK_BYTES, this.#limits.windowBytes);
    const block = { memory: allocateBytes(bytes), to: 0 };
    this.#blocks.push(block);
    return block;
  }
}
