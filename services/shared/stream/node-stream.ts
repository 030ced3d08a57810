// A pair of Node streams (a socket, stdin and stdout) as a byte stream.
import { finished, type Readable, type Writable } from 'node:stream';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { ByteSink, ByteStream, StreamEnd } from './byte-stream.ts';

export interface NodeStreamOptions {
  readonly clock: Clock;
  /** How long a reader may take over the last bytes before it is cut, in milliseconds. */
  readonly closeWithinMs: number;
}

/**
 * Wraps `readable` and `writable`, which may be one duplex. The end of `readable` is the end of the stream:
 * a byte stream has no half-close. Both are destroyed when the stream has ended and what was written is delivered.
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
  readonly #isDuplex: boolean;
  #paused = false;
  #corked = false;
  #sink: ByteSink | undefined;
  #closing: StreamEnd | undefined;
  #ended: StreamEnd | undefined;
  #cancelClose: Cancel | undefined;

  constructor(readable: Readable, writable: Writable, options: NodeStreamOptions) {
    this.#readable = readable;
    this.#writable = writable;
    this.#options = options;
    this.#isDuplex = Object.is(readable, writable);
    const fail = (error: Error): void => {
      this.#finish({ reason: 'lost', detail: error.message });
    };
    readable.on('error', fail);
    readable.on('end', () => {
      if (this.#closing === undefined) this.#finish({ reason: 'ended' });
      else this.#finishWhenDelivered(this.#closing);
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
    if (this.#paused) this.#readable.pause();
  }

  write(chunk: Buffer): boolean {
    if (this.#closing !== undefined || this.#ended !== undefined) return true;
    this.#corkThisTurn();
    return this.#writable.write(chunk);
  }

  pause(): void {
    if (this.#closing !== undefined) return;
    this.#paused = true;
    if (this.#sink !== undefined) this.#readable.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#sink !== undefined) this.#readable.resume();
  }

  close(end: StreamEnd): void {
    if (this.#closing !== undefined || this.#ended !== undefined) return;
    this.#closing = end;
    this.#cancelClose = this.#options.clock.after(this.#options.closeWithinMs, () => {
      this.#finish(this.#writable.writableFinished ? end : { reason: 'stuck' });
    });
    // A socket that is closed with bytes unread is reset by the kernel, and its peer may lose the last bytes.
    this.#readable.resume();
    this.#writable.end(() => {
      this.#finishWhenDelivered(end);
    });
  }

  cut(end: StreamEnd): void {
    this.#finish(end);
  }

  /** The chunks of one turn leave in one system call. */
  #corkThisTurn(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#writable.cork();
    process.nextTick(this.#uncork);
  }

  readonly #uncork = (): void => {
    this.#corked = false;
    this.#writable.uncork();
  };

  /** A socket also waits for its peer to close; of two separate streams, the readable one may never end. */
  #finishWhenDelivered(end: StreamEnd): void {
    if (!this.#writable.writableFinished) return;
    if (!this.#isDuplex || this.#readable.readableEnded) this.#finish(end);
  }

  #finish(end: StreamEnd): void {
    if (this.#ended !== undefined) return;
    this.#ended = end;
    this.#cancelClose?.();
    if (this.#closing === undefined && end.reason === 'ended' && !this.#writable.destroyed)
      this.#deliverRest();
    else this.#destroy();
    this.#sink?.ended(end);
  }

  /** The peer has sent all it had; it may still be reading. */
  #deliverRest(): void {
    const cancel = this.#options.clock.after(this.#options.closeWithinMs, () => {
      this.#destroy();
    });
    finished(this.#writable, { readable: false }, cancel);
    this.#writable.end();
    // A duplex whose two sides have ended destroys itself.
    if (!this.#isDuplex) this.#readable.destroy();
  }

  #destroy(): void {
    this.#readable.destroy();
    this.#writable.destroy();
  }
}
