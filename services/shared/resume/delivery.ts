// The delivery: from the window to the local side, at the pace of the local side; then how the stream ended.
import type { ByteChunk } from '#shared/stream/byte-chunk.ts';
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

/** Who is given the bytes. absent -> ready <-> busy. */
type Reader =
  /** Nobody attached yet; `owesDrained` to a local side that wrote all the same. */
  | { readonly kind: 'absent'; readonly owesDrained: boolean }
  | { readonly kind: 'ready'; readonly sink: ByteSink }
  /** Within a call of the sink: what comes meanwhile waits its turn. */
  | { readonly kind: 'busy'; readonly sink: ByteSink };

/** Whether somebody was there to take the peer's FIN, or had closed before. */
export type FinReader = 'present' | 'gone';

export class Delivery {
  readonly #window: ReceiveWindow;
  #local: Local = { kind: 'open' };
  #reader: Reader = { kind: 'absent', owesDrained: false };
  #isPaused = false;

  constructor(window: ReceiveWindow) {
    this.#window = window;
  }

  get isOpen(): boolean {
    return this.#local.kind === 'open';
  }

  attach(sink: ByteSink): void {
    const before = this.#reader;
    if (before.kind !== 'absent') throw new Error('a resumable stream is attached once');
    this.#reader = { kind: 'ready', sink };
    if (before.owesDrained && this.isOpen) sink.drained();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  drained(): void {
    if (this.#reader.kind === 'absent') this.#reader = { kind: 'absent', owesDrained: true };
    else if (this.isOpen) this.#reader.sink.drained();
  }

  /** Bytes that the window has admitted: given at once if nothing is in the way. */
  data(bytes: ByteChunk): void {
    if (!this.isOpen) return this.#window.pass(bytes.length);
    const reader = this.#reader;
    if (reader.kind !== 'ready' || this.#isPaused || this.#window.waitingBytes > 0) {
      return this.#window.store(bytes);
    }
    this.#window.pass(bytes.length);
    this.#give(reader.sink, bytes);
  }

  /** Gives what waits, as far as the local side takes it now. */
  deliver(): void {
    while (this.#reader.kind === 'ready' && !this.#isPaused) {
      const bytes = this.#window.take();
      if (bytes === undefined) return;
      this.#give(this.#reader.sink, bytes);
    }
  }

  /** Takes the peer's FIN, once all before it was taken; undefined otherwise. */
  takeFin(): FinReader | undefined {
    if (this.#reader.kind === 'busy' || !this.#window.takeFin()) return undefined;
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

  /** Reports the end, if there is one and nothing waits before it. */
  tell(): void {
    const local = this.#local;
    if (local.kind !== 'parting' || this.#reader.kind !== 'ready' || this.#window.waitingBytes > 0) return;
    this.#local = { kind: 'told' };
    this.#reader.sink.ended(local.end);
  }

  #give(sink: ByteSink, bytes: ByteChunk): void {
    this.#reader = { kind: 'busy', sink };
    try {
      sink.data(bytes);
    } finally {
      this.#reader = { kind: 'ready', sink };
    }
  }
}
