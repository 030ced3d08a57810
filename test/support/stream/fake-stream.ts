// A byte stream whose far end is the test: it sends, reads, stalls and leaves as told.
import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';

/** `write` says false from here on, in bytes that the far end has not read; and `drained` comes at the lower mark. */
const HIGH_BYTES = 1_000;
const LOW_BYTES = 250;

type Sent =
  | { readonly kind: 'chunk'; readonly chunk: Buffer }
  | { readonly kind: 'end'; readonly end: StreamEnd };

export class FakeStream implements ByteStream {
  /** What the far end has read. */
  readonly arrived: Buffer[] = [];
  /** How the near end closed or cut, in order. */
  readonly closes: StreamEnd[] = [];
  readonly cuts: StreamEnd[] = [];
  /** The most that lay unread at any time, in bytes. */
  peakUnread = 0;
  paused = false;
  ended: StreamEnd | undefined;
  readonly #unread: Buffer[] = [];
  readonly #outbox: Sent[] = [];
  #sink: ByteSink | undefined;
  #blocked = false;
  #closing: StreamEnd | undefined;

  get unread(): number {
    return this.#unread.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  attach(sink: ByteSink): void {
    if (this.#sink !== undefined) throw new Error('a byte stream was attached twice');
    this.#sink = sink;
    const { ended } = this;
    if (ended !== undefined) queueMicrotask(() => sink.ended(ended));
    this.#deliver();
  }

  write(chunk: Buffer): boolean {
    if (this.#closing !== undefined || this.ended !== undefined) return true;
    this.#unread.push(chunk);
    this.peakUnread = Math.max(this.peakUnread, this.unread);
    this.#blocked = this.unread >= HIGH_BYTES;
    return !this.#blocked;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.#deliver();
  }

  close(end: StreamEnd): void {
    if (this.#closing !== undefined || this.ended !== undefined) return;
    this.closes.push(end);
    this.#closing = end;
    this.#finishWhenRead();
  }

  cut(end: StreamEnd): void {
    if (this.ended !== undefined) return;
    this.cuts.push(end);
    this.#finish(end);
  }

  /** The far end sends. */
  send(chunk: Buffer): void {
    this.#outbox.push({ kind: 'chunk', chunk });
    this.#deliver();
  }

  /** The far end leaves; what it sent before comes first. */
  leave(end: StreamEnd): void {
    this.#outbox.push({ kind: 'end', end });
    this.#deliver();
  }

  /** The far end reads up to `bytes`. */
  read(bytes: number): void {
    let left = bytes;
    while (left > 0) {
      const chunk = this.#unread.shift();
      if (chunk === undefined) break;
      if (chunk.length > left) this.#unread.unshift(chunk.subarray(left));
      this.arrived.push(chunk.subarray(0, left));
      left -= chunk.length;
    }
    if (
      this.#blocked &&
      this.unread <= LOW_BYTES &&
      this.#closing === undefined &&
      this.ended === undefined
    ) {
      this.#blocked = false;
      this.#sink?.drained();
    }
    this.#finishWhenRead();
  }

  #deliver(): void {
    while (
      !this.paused &&
      this.#sink !== undefined &&
      this.#closing === undefined &&
      this.ended === undefined
    ) {
      const next = this.#outbox.shift();
      if (next === undefined) return;
      if (next.kind === 'end') this.#finish(next.end);
      else this.#sink.data(next.chunk);
    }
  }

  #finishWhenRead(): void {
    if (this.#closing !== undefined && this.unread === 0) this.#finish(this.#closing);
  }

  #finish(end: StreamEnd): void {
    if (this.ended !== undefined) return;
    this.ended = end;
    this.#sink?.ended(end);
  }
}

export const FAKE_STREAM_BOUND_BYTES = HIGH_BYTES;
