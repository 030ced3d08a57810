// The sniffed stream: a transport whose first byte was looked at, handed on as if it had not been.
import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';

/** Whoever looks: notified of the first byte, and of an end that comes before anybody attaches. */
export interface Watcher {
  first(byte: number): void;
  gone(): void;
}

export class SniffedStream implements ByteStream {
  readonly #transport: ByteStream;
  /** What came before the sink, or while that was still taking what came before. */
  readonly #head: Buffer[] = [];
  #sink: ByteSink | undefined;
  #end: StreamEnd | undefined;
  #isPaused = false;
  /** Of somebody who wrote before attaching. */
  #owesDrained = false;

  constructor(transport: ByteStream) {
    this.#transport = transport;
  }

  /** Starts reading, up to the first byte. Called once, before `attach`. */
  watch(watcher: Watcher): void {
    this.#transport.attach({
      data: (chunk) => {
        if (this.#sink !== undefined && this.#head.length === 0) return this.#sink.data(chunk);
        if (chunk.length === 0 || this.#head.push(chunk) > 1) return;
        this.#transport.pause();
        watcher.first(chunk.readUInt8(0));
      },
      drained: () => {
        if (this.#sink === undefined) this.#owesDrained = true;
        else this.#sink.drained();
      },
      ended: (end) => {
        this.#end = end;
        if (this.#sink === undefined) watcher.gone();
        else this.#pass();
      },
    });
  }

  attach(sink: ByteSink): void {
    if (this.#sink !== undefined) throw new Error('a sniffed stream is attached once');
    this.#sink = sink;
    if (this.#owesDrained) sink.drained();
    this.#pass();
    if (!this.#isPaused) this.#transport.resume();
  }

  write(chunk: Buffer, headroom?: number): boolean {
    return this.#transport.write(chunk, headroom);
  }

  pause(): void {
    this.#isPaused = true;
    this.#transport.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#pass();
    if (this.#sink !== undefined && !this.#isPaused) this.#transport.resume();
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
    const sink = this.#sink;
    if (sink === undefined) return;
    while (!this.#isPaused) {
      const chunk = this.#head.shift();
      if (chunk === undefined) break;
      sink.data(chunk);
    }
    const end = this.#end;
    if (this.#head.length > 0 || end === undefined) return;
    this.#end = undefined;
    sink.ended(end);
  }
}
