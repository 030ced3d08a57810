// A WebSocket of the page as a byte stream.
//
// A page cannot stop a WebSocket from delivering, nor learn that what it sent has left, but for a number that it may look
// at. So `pause` keeps what comes, which the window of the resumable stream above bounds (R-RESUME), and a full socket is
// looked at every few milliseconds. Pings are answered by the browser; what is dead is found out by questions of SSH.
import { CLOSE_REASONS, type CloseReason, closeReasonFrom } from '#shared/protocol/close-reasons.ts';
import { type ByteChunk, bytesOver } from '#shared/stream/byte-chunk.ts';
import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';

/** From this many unsent bytes on `write` says false; below half of it comes `drained`. */
const FULL_BYTES = 1024 * 1024;
/** How often a full socket is looked at, in milliseconds. */
const LOOK_EVERY_MS = 10;

type SocketState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'attached'; readonly sink: ByteSink }
  /** `end` is told to the sink, which may come later, after what still waits. */
  | { readonly kind: 'over'; readonly end: StreamEnd; readonly sink: ByteSink | undefined; isTold: boolean };

export class WebSocketStream implements ByteStream {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  #state: SocketState = { kind: 'idle' };
  #waiting: ByteChunk[] = [];
  #isPaused = false;
  #isDelivering = false;
  #owesDrained = false;
  #cancelLook: Cancel = () => undefined;
  #receivedBytes = 0;
  #writtenBytes = 0;

  /** Of a socket that may still be opening; nothing is written before it is open. */
  constructor(socket: WebSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', (event) => this.#received(event.data));
    socket.addEventListener('close', ({ code, reason }) => {
      const detail = reason === '' ? {} : { detail: new Untrusted(reason) };
      this.#end({ reason: closeReasonFrom(code, reason), ...detail });
    });
  }

  /** Bytes that came, and that left this machine's memory: while it grows, somebody is there. */
  get movedBytes(): number {
    return this.#receivedBytes + this.#writtenBytes - this.#socket.bufferedAmount;
  }

  attach(sink: ByteSink): void {
    if (this.#state.kind === 'attached') throw new Error('a WebSocket is attached once');
    this.#state = this.#state.kind === 'over' ? { ...this.#state, sink } : { kind: 'attached', sink };
    this.#deliver();
  }

  write(chunk: ByteChunk): boolean {
    if (this.#state.kind === 'over') return true;
    this.#writtenBytes += chunk.length;
    this.#socket.send(chunk);
    if (this.#socket.bufferedAmount < FULL_BYTES) return true;
    if (!this.#owesDrained) this.#lookLater();
    return false;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#deliver();
  }

  close(end: StreamEnd): void {
    if (this.#state.kind === 'over') return;
    this.#waiting = [];
    this.#socket.close(codeOf(end.reason), end.reason);
    this.#end(end);
  }

  /** A page has no harder way to end a WebSocket than to close it and to hear no more of it. */
  cut(end: StreamEnd): void {
    this.close(end);
  }

  #received(data: unknown): void {
    if (this.#state.kind === 'over') return;
    if (!(data instanceof ArrayBuffer)) return this.cut({ reason: 'text_on_stream' });
    this.#receivedBytes += data.byteLength;
    this.#waiting.push(bytesOver(new Uint8Array(data)));
    this.#deliver();
  }

  #deliver(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    try {
      while (!this.#isPaused && this.#state.kind !== 'idle') {
        const { sink } = this.#state;
        const chunk = sink && this.#waiting.shift();
        if (chunk === undefined) break;
        sink?.data(chunk);
      }
    } finally {
      this.#isDelivering = false;
    }
    const state = this.#state;
    if (state.kind !== 'over' || state.isTold || state.sink === undefined || this.#waiting.length > 0) return;
    state.isTold = true;
    state.sink.ended(state.end);
  }

  #end(end: StreamEnd): void {
    if (this.#state.kind === 'over') return;
    const sink = this.#state.kind === 'attached' ? this.#state.sink : undefined;
    this.#state = { kind: 'over', end, sink, isTold: false };
    this.#cancelLook();
    this.#deliver();
  }

  #lookLater(): void {
    this.#owesDrained = true;
    this.#cancelLook = this.#clock.after(LOOK_EVERY_MS, () => {
      if (this.#socket.bufferedAmount > FULL_BYTES / 2) return this.#lookLater();
      this.#owesDrained = false;
      if (this.#state.kind === 'attached') this.#state.sink.drained();
    });
  }
}

/** Pages may close with 1000 and with codes of an application's own (RFC 6455 section 7.4.2). */
function codeOf(reason: CloseReason): number {
  const { code } = CLOSE_REASONS[reason];
  return code >= 3000 ? code : 1000;
}
