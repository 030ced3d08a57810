// The sniffed stream: a transport whose first byte was looked at, handed on as if it had not been.

import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { FRAME_TYPES } from './frames.ts';

export type SniffResult =
  /** It begins with an OPEN frame's type. */
  | { readonly kind: 'framed'; readonly stream: ByteStream }
  /** It begins with anything else: an SSH banner, usually. */
  | { readonly kind: 'plain'; readonly stream: ByteStream }
  /** It said nothing in time. */
  | { readonly kind: 'silent'; readonly stream: ByteStream }
  | { readonly kind: 'gone'; readonly end: StreamEnd };

export interface SniffOptions {
  readonly clock: Clock;
  readonly silenceMs: number;
  readonly decided: (result: SniffResult) => void;
}

/** Waits for the first byte of `transport`, then calls `decided` once. Returns the stop: it will not be called. */
export function sniff(transport: ByteStream, options: SniffOptions): Cancel {
  const stream = new SniffedStream(transport);
  let waiting = true;
  const decide = (result: SniffResult) => {
    if (!waiting) return;
    waiting = false;
    cancelTimer();
    options.decided(result);
  };
  const cancelTimer = options.clock.after(options.silenceMs, () => decide({ kind: 'silent', stream }));
  stream.watch({
    first: (byte) => decide({ kind: byte === FRAME_TYPES.open ? 'framed' : 'plain', stream }),
    gone: (end) => decide({ kind: 'gone', end }),
  });
  return () => {
    waiting = false;
    cancelTimer();
  };
}

interface Watcher {
  first(byte: number): void;
  gone(end: StreamEnd): void;
}

class SniffedStream implements ByteStream {
  readonly #transport: ByteStream;
  /** What came before the sink, or while it was still taking what came before. */
  readonly #head: Buffer[] = [];
  #sink: ByteSink | undefined;
  #end: StreamEnd | undefined;
  #paused = false;
  #drainedEarly = false;

  constructor(transport: ByteStream) {
    this.#transport = transport;
  }

  watch(watcher: Watcher): void {
    this.#transport.attach({
      data: (chunk) => {
        if (this.#sink !== undefined && this.#head.length === 0) return this.#sink.data(chunk);
        if (chunk.length === 0) return;
        this.#head.push(chunk);
        if (this.#sink !== undefined) return;
        this.#transport.pause();
        watcher.first(chunk.readUInt8(0));
      },
      drained: () => {
        if (this.#sink === undefined) this.#drainedEarly = true;
        else this.#sink.drained();
      },
      ended: (end) => {
        this.#end = end;
        if (this.#sink === undefined) watcher.gone(end);
        else this.#pass(this.#sink);
      },
    });
  }

  attach(sink: ByteSink): void {
    if (this.#sink !== undefined) throw new Error('a sniffed stream is attached once');
    this.#sink = sink;
    if (this.#drainedEarly) sink.drained();
    this.#pass(sink);
    if (!this.#paused) this.#transport.resume();
  }

  write(chunk: Buffer, headroom?: number): boolean {
    return this.#transport.write(chunk, headroom);
  }

  pause(): void {
    this.#paused = true;
    this.#transport.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#sink === undefined) return;
    this.#pass(this.#sink);
    if (!this.#paused) this.#transport.resume();
  }

  close(end: StreamEnd): void {
    this.#head.length = 0;
    this.#transport.close(end);
  }

  cut(end: StreamEnd): void {
    this.#head.length = 0;
    this.#transport.cut(end);
  }

  /** Gives the head as far as the sink takes it, then the end if it has come. */
  #pass(sink: ByteSink): void {
    while (!this.#paused) {
      const chunk = this.#head.shift();
      if (chunk === undefined) break;
      sink.data(chunk);
    }
    if (this.#head.length > 0 || this.#end === undefined) return;
    const end = this.#end;
    this.#end = undefined;
    sink.ended(end);
  }
}
