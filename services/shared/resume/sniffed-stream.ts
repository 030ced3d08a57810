// The sniffed stream: a transport whose first byte was looked at, handed on as if it had not been.
import type { ByteChunk } from '#shared/stream/byte-chunk.ts';
import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';

/** Whoever looks: notified of the first byte, and of an end that comes before anybody attaches. */
export interface Watcher {
  first(byte: number): void;
  gone(): void;
}

/** `end`: it has come, and waits behind what came before it. */
type State =
  /** `owesDrained`: to somebody who wrote before attaching. */
  | { readonly kind: 'watching'; owesDrained: boolean; end?: StreamEnd }
  | { readonly kind: 'attached'; readonly sink: ByteSink; end?: StreamEnd }
  /** The sink was told. */
  | { readonly kind: 'ended' };

export class SniffedStream implements ByteStream {
  readonly #transport: ByteStream;
  /** What came before the sink, or while that was still taking what came before. */
  readonly #head: ByteChunk[] = [];
  #state: State = { kind: 'watching', owesDrained: false };
  /** By the sink, or by whoever will attach it. */
  #isPaused = false;

  constructor(transport: ByteStream) {
    this.#transport = transport;
  }

  /** Starts reading, up to the first byte. Called once, before `attach`. */
  watch(watcher: Watcher): void {
    this.#transport.attach({
      data: (chunk) => {
        if (this.#state.kind === 'attached' && this.#head.length === 0) return this.#state.sink.data(chunk);
        if (chunk.length === 0 || this.#head.push(chunk) > 1) return;
        this.#transport.pause();
        watcher.first(chunk[0] ?? 0);
      },
      drained: () => {
        if (this.#state.kind === 'watching') this.#state.owesDrained = true;
        else if (this.#state.kind === 'attached') this.#state.sink.drained();
      },
      ended: (end) => {
        if (this.#state.kind === 'ended') return;
        this.#state.end = end;
        if (this.#state.kind === 'watching') watcher.gone();
        else this.#pass();
      },
    });
  }

  attach(sink: ByteSink): void {
    if (this.#state.kind !== 'watching') throw new Error('a sniffed stream is attached once');
    const { owesDrained, ...rest } = this.#state;
    this.#state = { ...rest, kind: 'attached', sink };
    if (owesDrained) sink.drained();
    this.#pass();
    if (!this.#isPaused) this.#transport.resume();
  }

  write(chunk: ByteChunk, headroom?: number): boolean {
    return this.#transport.write(chunk, headroom);
  }

  pause(): void {
    this.#isPaused = true;
    this.#transport.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#pass();
    if (this.#state.kind !== 'watching' && !this.#isPaused) this.#transport.resume();
  }

  close(end: StreamEnd): void {
    this.#head.length = 0;
    this.#transport.close(end);
    this.#pass();
  }

  cut(end: StreamEnd): void {
    this.#head.length = 0;
    this.#transport.cut(end);
    this.#pass();
  }

  /** Gives the head as far as the sink takes it, then the end if it has come. */
  #pass(): void {
    const state = this.#state;
    if (state.kind !== 'attached') return;
    while (!this.#isPaused) {
      const chunk = this.#head.shift();
      if (chunk === undefined) break;
      state.sink.data(chunk);
    }
    // The sink may have closed the stream from within, and have been told.
    if (this.#state !== state || this.#head.length > 0 || state.end === undefined) return;
    this.#state = { kind: 'ended' };
    state.sink.ended(state.end);
  }
}
