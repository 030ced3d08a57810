// A WebSocket as a byte stream: binary messages are joined, text is refused, both directions are paced.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Cancel, Clock } from '#shared/clock.ts';
import { CLOSE_REASONS, closeReasonFrom } from '#shared/protocol/close-reasons.ts';
import type { ByteSink, ByteStream, StreamEnd } from './byte-stream.ts';
import { startKeepalive } from './keepalive.ts';

/**
 * The largest message on a stream, in bytes: ours are smaller, and one is assembled before it goes on,
 * so it counts against the memory of the session. A bigger one closes the stream with 1009.
 */
export const MAX_STREAM_MESSAGE_BYTES = 64 * 1024;

/** `write` says false from here on, in bytes that the kernel has not taken. */
export const WRITE_HIGH_BYTES = 64 * 1024;

/** `drained` comes when no more than this is left, in bytes. */
export const WRITE_LOW_BYTES = 16 * 1024;

/** A peer that does not take the last bytes and close within this time is cut. */
export const CLOSE_WITHIN_MS = 10_000;

/**
 * What every WebSocket of ours is opened with: no compression, since SSH data does not compress, and the close time
 * also for a close that the peer began or provoked and does not finish (ws waits 30 s by itself).
 */
export const SOCKET_OPTIONS = { perMessageDeflate: false, closeTimeout: CLOSE_WITHIN_MS } as const;

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'open'; readonly sink: ByteSink }
  | { readonly kind: 'closing'; readonly sink: ByteSink | undefined; readonly end: StreamEnd }
  | { readonly kind: 'ended' };

/**
 * How the peer reads. `paced`: as it likes, so that a stream which is held up, for hours even, proves nothing.
 * `eager`: always, since what may be on its way is limited above this stream (the resumable stream does that):
 * when nothing moves, the connection is dead.
 */
export type PeerReading = 'paced' | 'eager';

/**
 * Wraps an open WebSocket. `transport` is the socket below it. The WebSocket must have been paused since it opened,
 * or be fresh from the upgrade in the same tick.
 */
export function webSocketStream(
  socket: WebSocket,
  transport: Socket,
  clock: Clock,
  reading: PeerReading = 'paced',
): ByteStream {
  return new WebSocketStream(socket, transport, clock, reading);
}

class WebSocketStream implements ByteStream {
  readonly #socket: WebSocket;
  readonly #transport: Socket;
  readonly #clock: Clock;
  readonly #stopKeepalive: Cancel;
  #state: State = { kind: 'idle' };
  /** The fault that ends the connection, kept for `ended`: the close event that follows does not know it. */
  #fault: StreamEnd | undefined;
  #cancelClose: Cancel | undefined;
  #paused = false;
  #blocked = false;
  #corked = false;
  #stalls = 0;
  /** Counts what the kernel took while it was full: the peer's kernel has then taken as much. */
  #moves = 0;

  constructor(socket: WebSocket, transport: Socket, clock: Clock, reading: PeerReading) {
    this.#socket = socket;
    this.#transport = transport;
    this.#clock = clock;
    socket.pause();
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      this.#receive(data, isBinary);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#fault ??= endFromError(error);
    });
    socket.on('close', (code: number, text: Buffer) => {
      this.#finish(this.#fault ?? endFromClose(code, text.toString()));
    });
    this.#stopKeepalive = startKeepalive(socket, transport, {
      clock,
      stalls: () =>
        reading === 'paced'
          ? { count: this.#stalls, held: this.#paused || this.#blocked }
          : { count: this.#moves, held: this.#paused },
      onDead: () => {
        this.cut({ reason: 'unanswered_ping' });
      },
    });
  }

  attach(sink: ByteSink): void {
    switch (this.#state.kind) {
      case 'idle':
        this.#state = { kind: 'open', sink };
        if (!this.#paused) this.#socket.resume();
        return;
      case 'closing':
        this.#state = { ...this.#state, sink };
        return;
      case 'ended':
        // The peer went before anybody listened: the sink must hear of it, but not from within this call.
        queueMicrotask(() => {
          sink.ended(this.#fault ?? { reason: 'lost' });
        });
        return;
      case 'open':
        throw new Error('a byte stream was attached twice');
    }
  }

  write(chunk: Buffer): boolean {
    if (this.#state.kind !== 'open' && this.#state.kind !== 'idle') return true;
    this.#corkThisTurn();
    this.#socket.send(chunk, BINARY, this.#sent);
    if (this.#socket.bufferedAmount < WRITE_HIGH_BYTES) return true;
    this.#blocked = true;
    this.#stalls += 1;
    return false;
  }

  pause(): void {
    if (this.#paused || this.#state.kind === 'closing') return;
    this.#paused = true;
    this.#stalls += 1;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#state.kind !== 'idle') this.#socket.resume();
  }

  close(end: StreamEnd): void {
    if (this.#state.kind !== 'open' && this.#state.kind !== 'idle') return;
    this.#state = { kind: 'closing', sink: this.#state.kind === 'open' ? this.#state.sink : undefined, end };
    this.#paused = false;
    // Reading goes on, for the peer's close frame.
    this.#socket.resume();
    // `lost` has no code that may be sent (RFC 6455 section 7.4.1): it is what the other leg met, not this one.
    const said = end.reason === 'lost' ? 'going_away' : end.reason;
    this.#socket.close(CLOSE_REASONS[said].code, said);
    this.#cancelClose = this.#clock.after(CLOSE_WITHIN_MS, () => {
      this.cut({ reason: 'stuck' });
    });
  }

  cut(end: StreamEnd): void {
    if (this.#state.kind === 'ended') return;
    this.#fault ??= end;
    this.#socket.terminate();
  }

  /** The frames of one turn leave together: a system call costs as much as the bytes of a small one. */
  #corkThisTurn(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#transport.cork();
    process.nextTick(this.#uncork);
  }

  readonly #uncork = (): void => {
    this.#corked = false;
    this.#transport.uncork();
  };

  readonly #sent = (): void => {
    if (!this.#blocked) return;
    this.#moves += 1;
    if (this.#socket.bufferedAmount > WRITE_LOW_BYTES) return;
    this.#blocked = false;
    if (this.#state.kind === 'open') this.#state.sink.drained();
  };

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#state.kind !== 'open') return;
    if (isBinary) this.#state.sink.data(data);
    else this.close({ reason: 'text_on_stream' });
  }

  #finish(end: StreamEnd): void {
    const state = this.#state;
    if (state.kind === 'ended') return;
    this.#stopKeepalive();
    this.#cancelClose?.();
    this.#state = { kind: 'ended' };
    const reported = state.kind === 'closing' && this.#fault === undefined ? state.end : end;
    this.#fault ??= reported;
    if (state.kind !== 'idle') state.sink?.ended(reported);
  }
}

const BINARY = { binary: true, compress: false } as const;

function endFromError(error: NodeJS.ErrnoException): StreamEnd {
  if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return { reason: 'too_big', detail: error.message };
  if (error.code?.startsWith('WS_ERR_') === true) return { reason: 'fault', detail: error.message };
  return { reason: 'lost', detail: error.message };
}

function endFromClose(code: number, text: string): StreamEnd {
  if (code === 1006) return { reason: 'lost' };
  return text === ''
    ? { reason: closeReasonFrom(code, text) }
    : { reason: closeReasonFrom(code, text), detail: text };
}
