// The rated stream: a byte stream whose writer is held back when it sends faster than a meter allows.
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { ByteSink, ByteStream, StreamEnd } from './byte-stream.ts';

/** Counts bytes for one or many streams. */
export interface Meter {
  /** These have been written. The result is 0, or for how long no more should come, in milliseconds. */
  spend(bytes: number): number;
}

/** What the writer waits for. */
type Pace =
  | { readonly kind: 'free' }
  /** The stream below is full. */
  | { readonly kind: 'full' }
  /** The meter says so; the stream below may be full as well. */
  | { readonly kind: 'held'; readonly isFull: boolean; readonly cancel: Cancel }
  /** It was closed, or has ended: nobody is held back any more. */
  | { readonly kind: 'over' };

/** `stream`, its writes held back by `meter`. What it delivers is not. */
export function ratedStream(stream: ByteStream, meter: Meter, clock: Clock): ByteStream {
  return new RatedStream(stream, meter, clock);
}

class RatedStream implements ByteStream {
  readonly #stream: ByteStream;
  readonly #meter: Meter;
  readonly #clock: Clock;
  #sink: ByteSink | undefined;
  #pace: Pace = { kind: 'free' };

  constructor(stream: ByteStream, meter: Meter, clock: Clock) {
    this.#stream = stream;
    this.#meter = meter;
    this.#clock = clock;
  }

  get pendingBytes(): number {
    return this.#stream.pendingBytes ?? 0;
  }

  attach(sink: ByteSink): void {
    this.#sink ??= sink;
    this.#stream.attach({
      data: (chunk, headroom) => {
        sink.data(chunk, headroom);
      },
      drained: () => {
        this.#drained();
      },
      ended: (end) => {
        this.#finish();
        sink.ended(end);
      },
    });
  }

  write(chunk: Buffer, headroom?: number): boolean {
    const { length } = chunk;
    const takes = this.#stream.write(chunk, headroom);
    if (this.#pace.kind === 'over') return takes;
    const waitMs = this.#meter.spend(length);
    const isFull = !takes || this.#isFull;
    if (waitMs > 0) this.#hold(waitMs, isFull);
    else if (this.#pace.kind === 'held') this.#pace = { ...this.#pace, isFull };
    else if (isFull) this.#pace = { kind: 'full' };
    return this.#pace.kind === 'free';
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  close(end: StreamEnd): void {
    this.#finish();
    this.#stream.close(end);
  }

  cut(end: StreamEnd): void {
    this.#finish();
    this.#stream.cut(end);
  }

  get #isFull(): boolean {
    return this.#pace.kind === 'full' || (this.#pace.kind === 'held' && this.#pace.isFull);
  }

  #hold(waitMs: number, isFull: boolean): void {
    if (this.#pace.kind === 'held') this.#pace.cancel();
    const cancel = this.#clock.after(waitMs, () => {
      this.#released();
    });
    this.#pace = { kind: 'held', isFull, cancel };
  }

  #released(): void {
    if (this.#pace.kind !== 'held') return;
    if (this.#pace.isFull) this.#pace = { kind: 'full' };
    else this.#free();
  }

  #drained(): void {
    if (this.#pace.kind === 'held') this.#pace = { ...this.#pace, isFull: false };
    else if (this.#pace.kind === 'full') this.#free();
  }

  #free(): void {
    this.#pace = { kind: 'free' };
    this.#sink?.drained();
  }

  #finish(): void {
    if (this.#pace.kind === 'held') this.#pace.cancel();
    this.#pace = { kind: 'over' };
  }
}
