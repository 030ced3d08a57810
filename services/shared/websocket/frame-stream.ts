// The frame stream: a WebSocket as a byte stream. It takes frames apart and makes them as the bytes come and go.
//
// Why frames are ours on the data path: a relay does nothing but move them. A WebSocket library hands over whole messages.
// It collects the parts of a message, copies them together, and makes a new frame of the same bytes for the other side.
// Here no message is assembled: a payload is unmasked in place and leaves as it came. Per byte, a relay takes 1.1 times
// the CPU of a plain TCP splice, in pieces of 32 KiB and of 4 KiB; with messages of ws it took 3.6 and 4.2 times
// (`npm run bench -- --part relay` measures both).
//
// Why control links and the far ends of tests use ws: a link carries a few small messages, for which a library is right;
// and in tests it is a second reading of the RFC, against which this one is held.
//
// Why chunks carry headroom (stream/headroom.ts): the header of a frame goes right before its payload, in the same memory,
// so that a frame is one buffer for one system call. A header that came in leaves room for the one that goes out. Where
// the bytes are made here, by ssh2 in the agent, room for every header on the way is allocated with them.
import type { Socket } from 'node:net';
import { closeReasonFrom } from '#shared/protocol/close-reasons.ts';
import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { closeCodeOf, closePayload } from './close-frame.ts';
import { OPCODES } from './frame-header.ts';
import { type FrameFault, WebSocketFrameParser } from './frame-parser.ts';
import { FrameWriter } from './frame-writer.ts';
import { CLOSE_WITHIN_MS, startKeepalive } from './keepalive.ts';
import {
  type Borrower,
  descriptorToLend,
  type Loan,
  type LoanRest,
  startReading,
  stopReading,
} from './loan.ts';
import type { Mask } from './mask-choice.ts';
import { Pace, type PeerReading } from './pace.ts';

export interface FrameStreamOptions {
  /** Just after the handshake, paused. */
  readonly socket: Socket;
  /** What came with the handshake. */
  readonly head: Buffer;
  /** The end that dialled masks what it sends, the other end must not. */
  readonly isClient: boolean;
  /** Of what a client sends: zero by default. */
  readonly mask?: Mask | undefined;
  /** Paced by default. */
  readonly reading?: PeerReading | undefined;
  readonly clock: Clock;
}

/** No read of a socket brings more (libuv): what the head holds is delivered in no larger pieces. */
const READ_BYTES = 64 * 1024;

/** idle -> lent -> open -> closing -> settled -> ended; any may be skipped. The sink is missing until somebody attaches. */
type State =
  /** Nothing is read. */
  | { readonly kind: 'idle'; readonly head: Buffer; readonly sink?: undefined }
  /** Somebody else moves the bytes. */
  | {
      readonly kind: 'lent';
      readonly sink: ByteSink | undefined;
      readonly borrower: Borrower | undefined;
      /** To be closed so when it is back. */
      readonly closesAs?: StreamEnd;
    }
  | { readonly kind: 'open'; readonly sink: ByteSink }
  /** This end has said goodbye, and waits for the peer to do so. What arrives is thrown away. */
  | { readonly kind: 'closing'; readonly sink: ByteSink | undefined; readonly end: StreamEnd }
  /** The peer has said goodbye, or one of the two is at fault: nothing changes the end any more. */
  | { readonly kind: 'settled'; readonly sink: ByteSink | undefined; readonly end: StreamEnd }
  /** The socket is closed, and the sink was notified. */
  | { readonly kind: 'ended'; readonly sink: ByteSink | undefined; readonly end: StreamEnd };

/** Wraps a socket that speaks WebSocket frames from here on. */
export function frameStream(options: FrameStreamOptions): ByteStream {
  return new FrameStream(options);
}

/** Lends the socket of `stream`. Undefined if it cannot be: no frame stream, attached, masked at random, under TLS, with bytes to send. */
export function lendSocket(stream: ByteStream): Loan | undefined {
  return stream instanceof FrameStream ? stream.lend() : undefined;
}

class FrameStream implements ByteStream {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #parser: WebSocketFrameParser;
  readonly #pace: Pace;
  readonly #writer: FrameWriter;
  readonly #stopKeepalive: Cancel;
  readonly #isClient: boolean;
  readonly #mask: Mask;
  #state: State;
  /** What borrowers have read. */
  #bytesReadElsewhere = 0;
  /** Set once the socket must be gone within CLOSE_WITHIN_MS. */
  #cancelClose: Cancel | undefined;

  constructor({ socket, head, isClient, mask = 'zero', reading = 'paced', clock }: FrameStreamOptions) {
    this.#socket = socket;
    this.#clock = clock;
    this.#isClient = isClient;
    this.#mask = mask;
    this.#state = { kind: 'idle', head };
    this.#pace = new Pace(reading);
    this.#writer = new FrameWriter({ socket, mask: isClient ? mask : 'none', pace: this.#pace });
    this.#parser = new WebSocketFrameParser(
      {
        data: (piece, headroom) => {
          if (this.#state.kind === 'open') this.#state.sink.data(piece, headroom);
        },
        control: (opcode, payload) => {
          if (opcode === OPCODES.ping) this.#writer.pong(payload);
          else if (opcode === OPCODES.close) this.#peerClosed(payload);
        },
        fault: (fault) => {
          this.#refuse(fault);
        },
      },
      !isClient,
    );
    this.#listen();
    this.#stopKeepalive = startKeepalive({
      clock,
      bytesRead: () => this.#bytesRead,
      ping: () => {
        if (this.#state.kind === 'lent') this.#state.borrower?.ping();
        else this.#writer.ping();
      },
      watch: () => this.#watch(),
      onDead: () => {
        this.cut({ reason: 'unanswered_ping' });
      },
    });
  }

  get pendingBytes(): number {
    const lent = this.#state.kind === 'lent' ? (this.#state.borrower?.heldBytes ?? 0) : 0;
    return this.#socket.writableLength + this.#socket.readableLength + lent;
  }

  attach(sink: ByteSink): void {
    const state = this.#state;
    if (state.sink !== undefined) throw new Error('a byte stream was attached twice');
    switch (state.kind) {
      case 'idle':
        return this.#open(sink, state.head);
      case 'lent':
      case 'closing':
      case 'settled':
        this.#state = { ...state, sink };
        return;
      case 'ended':
        this.#state = { ...state, sink };
        // The peer went before anybody listened: the sink must hear of it, but not from within this call.
        queueMicrotask(() => {
          sink.ended(state.end);
        });
    }
  }

  write(chunk: Buffer, headroom = 0): boolean {
    const { kind } = this.#state;
    if (kind === 'lent') throw new Error('a byte stream was written to while it was lent');
    return kind === 'open' || kind === 'idle' ? this.#writer.data(chunk, headroom) : true;
  }

  pause(): void {
    const { kind } = this.#state;
    if ((kind === 'open' || kind === 'idle') && this.#pace.pause()) this.#socket.pause();
  }

  resume(): void {
    if (this.#pace.resume() && this.#state.kind !== 'idle') this.#socket.resume();
  }

  close(end: StreamEnd): void {
    switch (this.#state.kind) {
      case 'idle':
      case 'open':
        this.#state = { kind: 'closing', sink: this.#state.sink, end };
        this.#writer.close(closePayload(end.reason));
        this.#readOn();
        this.#cancelClose ??= this.#clock.after(CLOSE_WITHIN_MS, () => {
          this.cut({ reason: 'stuck' });
        });
        return;
      case 'lent':
        this.#state = { ...this.#state, closesAs: this.#state.closesAs ?? end };
        return this.#state.borrower?.recall();
      case 'settled':
        return this.#readOn();
      case 'closing':
      case 'ended':
    }
  }

  cut(end: StreamEnd): void {
    if (this.#state.kind === 'lent') this.#state.borrower?.recall();
    this.#settle(end);
    this.#socket.destroy();
  }

  lend(): Loan | undefined {
    const descriptor = descriptorToLend(this.#socket);
    const state = this.#state;
    if (descriptor === undefined || state.kind !== 'idle' || this.#pace.isPaused) return undefined;
    if (this.#isClient && this.#mask !== 'zero') return undefined;
    stopReading(this.#socket);
    const { head } = this.#state as typeof state;
    this.#state = { kind: 'lent', sink: undefined, borrower: undefined };
    let rest: LoanRest | undefined;
    return {
      descriptor,
      isClient: this.#isClient,
      head,
      to: (borrower) => {
        if (this.#state.kind === 'lent') this.#state = { ...this.#state, borrower };
      },
      restore: (given) => {
        rest = given;
        this.#restore(given);
      },
      goOn: () => {
        if (rest !== undefined) this.#goOn(rest);
      },
    };
  }

  #listen(): void {
    const socket = this.#socket;
    socket.pause();
    socket.setNoDelay(true);
    socket.setTimeout(0);
    socket.on('data', (chunk: Buffer) => {
      const state = this.#state;
      // Read before it was paused, and taken out for a loan.
      if (state.kind === 'idle') this.#state = { ...state, head: Buffer.concat([state.head, chunk]) };
      else this.#parser.push(chunk);
    });
    // Listening has let it flow.
    socket.pause();
    socket.on('drain', () => {
      if (this.#writer.drained() && this.#state.kind === 'open') this.#state.sink.drained();
    });
    socket.on('end', () => {
      this.#leave();
    });
    socket.on('error', (error) => {
      this.#settle({ reason: 'lost', detail: new Untrusted(error.message) });
    });
    socket.on('close', () => {
      this.#finish();
    });
  }

  // ── transitions ──

  #open(sink: ByteSink, head: Buffer): void {
    this.#state = { kind: 'open', sink };
    for (let at = 0; at < head.length; at += READ_BYTES) {
      this.#parser.push(head.subarray(at, at + READ_BYTES));
    }
    if (!this.#pace.isPaused) this.#socket.resume();
  }

  /** The figures go on from those of the borrower. */
  get #bytesRead(): number {
    const lent = this.#state.kind === 'lent' ? (this.#state.borrower?.bytesRead ?? 0) : 0;
    return this.#socket.bytesRead + this.#bytesReadElsewhere + lent;
  }

  /** As `Pace.watch`, also when the socket comes back meanwhile. */
  #watch(): () => boolean {
    const ownExcuse = this.#pace.watch();
    const excuse = this.#state.kind === 'lent' ? this.#state.borrower?.watch() : undefined;
    return () => ownExcuse() || excuse?.() === true;
  }

  /** It is no longer lent, unless it was cut meanwhile: then nothing of the rest matters. */
  #restore({ left, unread, unsent, fault }: LoanRest): void {
    const state = this.#state;
    if (state.kind !== 'lent') return;
    this.#bytesReadElsewhere += state.borrower?.bytesRead ?? 0;
    const { sink } = state;
    // Nothing has moved before somebody attaches.
    this.#state = sink === undefined ? { kind: 'idle', head: unread } : { kind: 'open', sink };
    this.#parser.skipInto(left);
    this.#writer.rest(unsent);
    if (state.closesAs !== undefined) this.close(state.closesAs);
    if (this.#state.kind === 'idle') startReading(this.#socket);
    if (fault === undefined) return;
    this.#settle({ reason: 'lost', detail: new Untrusted(fault) });
    this.#socket.destroy();
  }

  #goOn({ unread }: LoanRest): void {
    if (this.#state.kind === 'idle' || this.#state.kind === 'ended') return;
    this.#parser.push(unread);
    if (!this.#pace.isPaused) this.#socket.resume();
    startReading(this.#socket);
  }

  #peerClosed(payload: Buffer): void {
    const code = closeCodeOf(payload);
    if (code === undefined) {
      this.#refuse({ kind: 'bad_frame', detail: 'a close frame with a code that may not be sent' });
      return;
    }
    if (this.#state.kind !== 'closing') {
      const text = Untrusted.fromBytes(payload.subarray(2));
      const reason = closeReasonFrom(code, text.rawTextToParse());
      this.#settle(text.is('') ? { reason } : { reason, detail: text });
      this.#writer.close(payload.subarray(0, 2));
    }
    this.#leave();
  }

  #refuse(fault: FrameFault): void {
    this.#settle(
      fault.kind === 'text_on_stream' ? { reason: fault.kind } : { reason: fault.kind, detail: fault.detail },
    );
    this.#writer.close(closePayload(fault.kind));
    this.#readOn();
    // The parser reads no further, so the peer's close frame cannot be waited for.
    this.#leave();
  }

  /** From here on it is known how the stream ends: whatever comes next is only a consequence. */
  #settle(end: StreamEnd): void {
    const { kind, sink } = this.#state;
    if (kind !== 'settled' && kind !== 'ended') this.#state = { kind: 'settled', sink, end };
  }

  #finish(): void {
    const state = this.#state;
    if (state.kind === 'ended') return;
    this.#stopKeepalive();
    this.#cancelClose?.();
    const end: StreamEnd = 'end' in state ? state.end : { reason: 'lost' };
    this.#state = { kind: 'ended', sink: state.sink, end };
    state.sink?.ended(end);
  }

  // ── the socket's last steps ──

  /** Nobody takes what arrives, but the peer's close frame, or the end of its bytes, must be seen. */
  #readOn(): void {
    this.#pace.resume();
    this.#socket.resume();
  }

  /** The peer sends no more: this end closes too (section 7.1.1), and a peer that does not take the rest is cut. */
  #leave(): void {
    this.#writer.end();
    this.#cancelClose ??= this.#clock.after(CLOSE_WITHIN_MS, () => {
      this.#socket.destroy();
    });
  }
}
