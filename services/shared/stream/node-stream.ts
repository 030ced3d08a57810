// A pair of Node streams (a socket, stdin and stdout) as a byte stream.
import { finished, type Readable, type Writable } from 'node:stream';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { ByteSink, ByteStream, StreamEnd } from './byte-stream.ts';
import { TurnCork } from './turn-cork.ts';

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

/** idle -> open -> closing -> ended; any may be skipped. The sink is missing until somebody attaches. */
type State =
  | { readonly kind: 'idle'; readonly isPaused: boolean; readonly sink?: undefined }
  | { readonly kind: 'open'; readonly sink: ByteSink }
  /** What was written is on its way out; what arrives is thrown away. */
  | {
      readonly kind: 'closing';
      readonly sink: ByteSink | undefined;
      readonly end: StreamEnd;
      readonly cancelStuck: Cancel;
    }
  | { readonly kind: 'ended'; readonly sink: ByteSink | undefined; readonly end: StreamEnd };

class NodeByteStream implements ByteStream {
  readonly #readable: Readable;
  readonly #writable: Writable;
  readonly #options: NodeStreamOptions;
  readonly #isDuplex: boolean;
  readonly #cork: TurnCork;
  #state: State = { kind: 'idle', isPaused: false };

  constructor(readable: Readable, writable: Writable, options: NodeStreamOptions) {
    this.#readable = readable;
    this.#writable = writable;
    this.#options = options;
    this.#isDuplex = Object.is(readable, writable);
    this.#cork = new TurnCork(writable, 'callback');
    const fail = (error: Error): void => {
      this.#finish({ reason: 'lost', detail: error.message });
    };
    readable.on('error', fail);
    readable.on('end', () => {
      this.#peerFinished();
    });
    readable.on('close', () => {
      if (this.#state.kind !== 'closing') this.#finish({ reason: 'lost' });
    });
    writable.on('error', fail);
    writable.on('drain', () => {
      if (this.#state.kind === 'open') this.#state.sink.drained();
    });
  }

  attach(sink: ByteSink): void {
    const state = this.#state;
    if (state.sink !== undefined) throw new Error('a byte stream was attached twice');
    switch (state.kind) {
      case 'idle':
        return this.#open(sink, state.isPaused);
      case 'closing':
        this.#state = { ...state, sink };
        return;
      case 'ended':
        this.#state = { ...state, sink };
        queueMicrotask(() => {
          sink.ended(state.end);
        });
    }
  }

  write(chunk: Buffer): boolean {
    const { kind } = this.#state;
    if (kind === 'closing' || kind === 'ended') return true;
    this.#cork.hold();
    return this.#writable.write(chunk);
  }

  pause(): void {
    if (this.#state.kind === 'idle') this.#state = { kind: 'idle', isPaused: true };
    else if (this.#state.kind === 'open') this.#readable.pause();
  }

  resume(): void {
    if (this.#state.kind === 'idle') this.#state = { kind: 'idle', isPaused: false };
    else if (this.#state.kind === 'open') this.#readable.resume();
  }

  close(end: StreamEnd): void {
    const { kind, sink } = this.#state;
    if (kind === 'closing' || kind === 'ended') return;
    const { clock, closeWithinMs } = this.#options;
    const cancelStuck = clock.after(closeWithinMs, () => {
      this.#finish(this.#writable.writableFinished ? end : { reason: 'stuck' });
    });
    this.#state = { kind: 'closing', sink, end, cancelStuck };
    // A socket that is closed with bytes unread is reset by the kernel, and its peer may lose the last bytes.
    this.#readable.resume();
    this.#writable.end(() => {
      this.#finishWhenDelivered(end);
    });
  }

  cut(end: StreamEnd): void {
    this.#finish(end);
  }

  // ── transitions ──

  #open(sink: ByteSink, isPaused: boolean): void {
    this.#state = { kind: 'open', sink };
    this.#readable.on('data', (chunk: Buffer) => {
      if (this.#state.kind === 'open') sink.data(chunk);
    });
    // A socket may have been paused by whoever accepted it.
    if (isPaused) this.#readable.pause();
    else this.#readable.resume();
  }

  /** The peer has sent all it had; it may still be reading. */
  #peerFinished(): void {
    const state = this.#state;
    if (state.kind === 'closing') return this.#finishWhenDelivered(state.end);
    if (state.kind === 'ended' || this.#writable.destroyed) return this.#finish({ reason: 'ended' });
    const end: StreamEnd = { reason: 'ended' };
    this.#end(end);
    this.#deliverRest();
    state.sink?.ended(end);
  }

  /** A socket also waits for its peer to close; of two separate streams, the readable one may never end. */
  #finishWhenDelivered(end: StreamEnd): void {
    if (!this.#writable.writableFinished) return;
    if (!this.#isDuplex || this.#readable.readableEnded) this.#finish(end);
  }

  #finish(end: StreamEnd): void {
    const { kind, sink } = this.#state;
    if (kind === 'ended') return;
    // First of all: a stream that is destroyed may still say something from within that call.
    this.#end(end);
    this.#destroy();
    sink?.ended(end);
  }

  #end(end: StreamEnd): void {
    if (this.#state.kind === 'closing') this.#state.cancelStuck();
    this.#state = { kind: 'ended', sink: this.#state.sink, end };
  }

  // ── the two streams ──

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
