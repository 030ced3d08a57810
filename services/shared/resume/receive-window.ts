// The receive window: what arrived, what the local side took of it, and what lies between.
import { type FlowLimits, fillsItsMemory } from './limits.ts';

/** Waiting bytes are copied into blocks, so that a million tiny frames hold no more memory than one large one. */
const BLOCK_BYTES = 64 * 1024;

/** Written up to `to`; taken whole. */
interface Block {
  readonly memory: Buffer;
  to: number;
}

/** The receiver's half of one direction. Offsets: acknowledged <= taken <= arrived; all of them only grow. */
export class ReceiveWindow {
  readonly #limits: FlowLimits;
  #blocks: Block[] = [];
  #arrived = 0;
  #taken = 0;
  #acknowledged = 0;
  #waitingBytes = 0;

  constructor(limits: FlowLimits) {
    this.#limits = limits;
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

  /** Accepts `bytes` places of the sequence, the first of which is `offset`. Refused: nothing has changed. */
  admit(offset: number, bytes: number): 'ok' | 'bad_offset' | 'flow_violation' {
    if (offset !== this.#arrived) return 'bad_offset';
    if (offset + bytes - this.#acknowledged > this.#limits.windowBytes) return 'flow_violation';
    this.#arrived += bytes;
    return 'ok';
  }

  /** Admitted bytes went to the local side at once, or have no reader any more. */
  pass(bytes: number): void {
    this.#taken += bytes;
  }

  /**
   * Admitted bytes have to wait. They are copied where they are a small view of something large, or would leave a
   * block behind that is not half full: what waits holds no more than about twice its size.
   */
  store(bytes: Buffer): void {
    this.#waitingBytes += bytes.length;
    const last = this.#blocks.at(-1);
    const isPacked = last === undefined || last.to * 2 >= last.memory.length;
    if (isPacked && fillsItsMemory(bytes, this.#limits)) {
      this.#blocks.push({ memory: bytes, to: bytes.length });
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      const block = this.#roomyBlock();
      const copied = bytes.copy(block.memory, block.to, at);
      block.to += copied;
      at += copied;
    }
  }

  /** The next waiting bytes, now taken; undefined when none wait. The receiver owns them. */
  take(): Buffer | undefined {
    const block = this.#blocks[0];
    if (block === undefined || this.#waitingBytes === 0) return undefined;
    const bytes = block.memory.subarray(0, block.to);
    this.#blocks.shift();
    this.#waitingBytes -= bytes.length;
    this.#taken += bytes.length;
    return bytes;
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
    const block = {
      memory: Buffer.allocUnsafe(Math.min(BLOCK_BYTES, this.#limits.windowBytes)),
      to: 0,
    };
    this.#blocks.push(block);
    return block;
  }
}
