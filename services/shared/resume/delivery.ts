// The delivery: what arrived, to the local side, at the pace of the local side; then how it ended.
import type { ByteSink, StreamEnd } from '#shared/stream/byte-stream.ts';
import type { FlowLimits } from './limits.ts';
import { ReceiveWindow } from './receive-window.ts';

export interface DeliveryOwner {
  /** Bytes were taken, or lost their reader: they may be acknowledged. */
  took(): void;
  /** The peer's FIN was taken, after all that came before it. `reader`: the local side was still open. */
  tookFin(reader: 'present' | 'gone'): void;
}

/** What the local side did, or has still to be told. open -> closed -> parting -> told; any may be skipped. */
type Local =
  | { readonly kind: 'open' }
  /** It closed: what arrives has no reader. */
  | { readonly kind: 'closed'; readonly end: StreamEnd }
  /** What waits in the window is delivered first, then `end`. */
  | { readonly kind: 'parting'; readonly end: StreamEnd }
  | { readonly kind: 'told' };

/** Whether the peer's FIN arrived, and whether all before it was taken. */
type Peer = 'sending' | 'finished' | 'taken';

export const ENDED: StreamEnd = { reason: 'ended' };

export class Delivery {
  readonly window: ReceiveWindow;
  readonly #owner: DeliveryOwner;
  #local: Local = { kind: 'open' };
  #peer: Peer = 'sending';
  #sink: ByteSink | undefined;
  #paused = false;
  /** Within a call of the sink: what comes meanwhile waits its turn. */
  #delivering = false;

  constructor(limits: FlowLimits, owner: DeliveryOwner) {
    this.window = new ReceiveWindow(limits);
    this.#owner = owner;
  }

  get open(): boolean {
    return this.#local.kind === 'open';
  }

  get peer(): Peer {
    return this.#peer;
  }

  attach(sink: ByteSink): void {
    if (this.#sink !== undefined) throw new Error('a resumable stream is attached once');
    this.#sink = sink;
    this.deliver();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.deliver();
  }

  drained(): void {
    if (this.open) this.#sink?.drained();
  }

  /** The local side closed: what waits and what comes has no reader. Call `deliver` then. */
  close(end: StreamEnd): void {
    if (this.#local.kind === 'told') return;
    if (this.#local.kind === 'open') this.#local = { kind: 'closed', end };
    this.window.discard();
    // A peer that filled the window waits for this.
    this.#owner.took();
  }

  /** Bytes that the window has admitted. */
  data(bytes: Buffer): void {
    const sink = this.#sink;
    if (!this.open) {
      this.window.pass(bytes.length);
    } else if (sink === undefined || this.#paused || this.#delivering || this.window.waitingBytes > 0) {
      this.window.store(bytes);
    } else {
      this.window.pass(bytes.length);
      this.#give(sink, bytes);
      // What came or happened from within that call.
      this.deliver();
    }
    this.#owner.took();
  }

  /** The FIN that the window has admitted. */
  fin(): void {
    this.#peer = 'finished';
    this.deliver();
  }

  /** The session is over: the local side gets what waits, then the end. */
  part(end: StreamEnd): void {
    const local = this.#local;
    if (local.kind === 'open') this.#local = { kind: 'parting', end };
    // A close that went well ends as the local side itself said.
    if (local.kind === 'closed') {
      this.#local = { kind: 'parting', end: end.reason === 'ended' ? local.end : end };
    }
    this.deliver();
  }

  /** Gives the local side what it can have now: waiting bytes, then the end. */
  deliver(): void {
    const sink = this.#sink;
    if (this.#delivering) return;
    if (sink !== undefined && this.window.waitingBytes > 0) this.#giveWaiting(sink);
    if (this.window.waitingBytes > 0) return;
    if (this.#peer === 'finished') this.#takeFin();
    if (this.#local.kind === 'parting' && sink !== undefined) {
      const { end } = this.#local;
      this.#local = { kind: 'told' };
      sink.ended(end);
    }
  }

  #takeFin(): void {
    this.#peer = 'taken';
    this.window.pass(1);
    if (!this.open) return this.#owner.tookFin('gone');
    this.#local = { kind: 'parting', end: ENDED };
    this.#owner.tookFin('present');
  }

  #giveWaiting(sink: ByteSink): void {
    while (!this.#paused) {
      const bytes = this.window.take();
      if (bytes === undefined) break;
      this.#give(sink, bytes);
    }
    this.#owner.took();
  }

  #give(sink: ByteSink, bytes: Buffer): void {
    this.#delivering = true;
    try {
      sink.data(bytes);
    } finally {
      this.#delivering = false;
    }
  }
}
