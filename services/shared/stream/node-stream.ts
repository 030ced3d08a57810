// A pair of Node streams (a socket, stdin and stdout) as a byte stream.
import type { Readable, Writable } from 'node:stream';
import type { Cancel, Clock } from '#shared/clock.ts';
import type { ByteSink, ByteStream, StreamEnd } from './byte-stream.ts';

export interface NodeStreamOptions {
  readonly clock: Clock;
  /** How long a reader may take over the last bytes before it is cut, in milliseconds. */
  readonly closeWithinMs: number;
}

/**
 * Wraps `readable` and `writable`, which may be one duplex. The end of `readable` is the end of the stream:
 * a byte stream has no half-close. Both are destroyed when the stream has ended.
 */
export function fromNodeStreams(
  readable: Readable,
  writable: Writable,
  options: NodeStreamOptions,
): ByteStream {
  return new NodeByteStream(readable, writable, options);
}

class NodeByteStream implements ByteStream {
  readonly #readable: Readable;
  readonly #writable: Writable;
  readonly #options: NodeStreamOptions;
  #sink: ByteSink | undefined;
  #closing: StreamEnd | undefined;
  #ended: StreamEnd | undefined;
  #cancelClose: Cancel | undefined;

  constructor(readable: Readable, writable: Writable, options: NodeStreamOptions) {
    this.#readable = readable;
    this.#writable = writable;
    this.#options = options;
    const fail = (error: Error): void => {
      this.#finish({ reason: 'lost', detail: error.message });
    };
    readable.on('error', fail);
    readable.on('end', () => {
      this.#finish({ reason: 'ended' });
    });
    readable.on('close', () => {
      if (this.#closing === undefined) this.#finish({ reason: 'lost' });
    });
    writable.on('error', fail);
    writable.on('drain', () => {
      if (this.#closing === undefined) this.#sink?.drained();
    });
  }

  attach(sink: ByteSink): void {
    if (this.#sink !== undefined) throw new Error('a byte stream was attached twice');
    this.#sink = sink;
    const ended = this.#ended;
    if (ended !== undefined) {
      queueMicrotask(() => {
        sink.ended(ended);
      });
      return;
    }
    this.#readable.on('data', (chunk: Buffer) => {
      if (this.#closing === undefined) this.#sink?.data(chunk);
    });
  }

  write(chunk: Buffer): boolean {
    if (this.#closing !== undefined || this.#ended !== undefined) return true;
    return this.#writable.write(chunk);
  }

  pause(): void {
    this.#readable.pause();
  }

  resume(): void {
    if (this.#sink !== undefined) this.#readable.resume();
  }

  close(end: StreamEnd): void {
    if (this.#closing !== undefined || this.#ended !== undefined) return;
    this.#closing = end;
    this.#cancelClose = this.#options.clock.after(this.#options.closeWithinMs, () => {
      this.cut({ reason: 'stuck' });
    });
    this.#writable.end(() => {
      this.#finish(end);
    });
  }

  cut(end: StreamEnd): void {
    this.#finish(end);
  }

  #finish(end: StreamEnd): void {
    if (this.#ended !== undefined) return;
    this.#ended = end;
    this.#cancelClose?.();
    this.#readable.destroy();
    // What the writable still holds is delivered unless this is a cut; a duplex is gone with its readable side.
    if (this.#closing === undefined && end.reason === 'ended' && !this.#writable.destroyed)
      this.#writable.end();
    else this.#writable.destroy();
    this.#sink?.ended(end);
  }
}
