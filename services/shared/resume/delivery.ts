// The delivery: from the window to the local side, at the pace of the local side; then how the stream ended.
import type { ByteSink, StreamEnd } from '#shared/stream/byte-stream.ts';
import type { ReceiveWindow } from './receive-window.ts';

export const ENDED: StreamEnd = { reason: 'ended' };

/** What the local side did, or has still to be told. open -> closed -> parting -> told; any may be skipped. */
type Local =
  | { readonly kind: 'open' }
  /** It closed: what arrives has no reader. */
  | { readonly kind: 'closed'; readonly end: StreamEnd }
  /** It gets what waits in the window, then `end`. */
  | { readonly kind: 'parting'; readonly end: StreamEnd }
  | { readonly kind: 'told' };

/** Whether somebody was there to take the peer's FIN, or had closed before. */
export type FinReader = 'present' | 'gone';

export class Delivery {
  readonly #window: ReceiveWindow;
  #local: Local = { kind: 'open' };
  #sink: ByteSink | undefined;
  #isPaused = false;
  /** Of a local side that wrote before it attached. */
  #owesDrained = false;
  /** Within a call of the sink: what comes meanwhile waits its turn. */
  #isGiving = false;

  constructor(window: ReceiveWindow) {
    this.#window = window;
  }

  get isOpen(): boolean {
    return this.#local.kind === 'open';
  }

  attach(sink: ByteSink): void {
    if (this.#sink !== undefined) throw new Error('a resumable stream is attached once');
    this.#sink = sink;
    if (this.#owesDrained && this.isOpen) sink.drained();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  drained(): void {
    if (this.#sink === undefined) this.#owesDrained = true;
    else if (this.isOpen) this.#sink.drained();
  }

  /** Bytes that the window has admitted: given at once if nothing is in the way. */
  data(bytes: Buffer): void {
    const sink = this.#sink;
    if (!this.isOpen) return this.#window.pass(bytes.length);
    if (sink === undefined || this.#isPaused || this.#isGiving || this.#window.waitingBytes > 0) {
      return this.#window.store(bytes);
    }
    this.#window.pass(bytes.length);
    this.#give(sink, bytes);
  }

  /** Gives what waits, as far as the local side takes it now. */
  deliver(): void {
    const sink = this.#sink;
    if (sink === undefined || this.#isGiving) return;
    while (!this.#isPaused) {
      const bytes = this.#window.take();
      if (bytes === undefined) return;
      this.#give(sink, bytes);
    }
  }

  /** Takes the peer's FIN, once all before it was taken; undefined otherwise. */
  takeFin(): FinReader | undefined {
    if (this.#isGiving || !this.#window.takeFin()) return undefined;
    if (!this.isOpen) return 'gone';
    this.#local = { kind: 'parting', end: ENDED };
    return 'present';
  }

  /** The local side closed: what waits and what comes has no reader. */
  close(end: StreamEnd): void {
    if (this.#local.kind === 'open') this.#local = { kind: 'closed', end };
    this.#window.discard();
  }

  /** The stream is over: the local side gets what waits, then the end. */
  part(end: StreamEnd): void {
    const local = this.#local;
    if (local.kind === 'open') this.#local = { kind: 'parting', end };
    if (local.kind !== 'closed') return;
    // A close that went well ends as the local side itself said.
    this.#local = { kind: 'parting', end: end.reason === 'ended' ? local.end : end };
  }

  /** Tells the end, if there is one and nothing waits before it. */
  tell(): void {
    if (this.#local.kind !== 'parting' || this.#sink === undefined) return;
    if (this.#isGiving || this.#window.waitingBytes > 0) return;
    const { end } = this.#local;
    this.#local = { kind: 'told' };
    this.#sink.ended(end);
  }

  #give(sink: ByteSink, bytes: Buffer): void {
    this.#isGiving = true;
    try {
      sink.data(bytes);
    } finally {
      this.#isGiving = false;
    }
  }
}
