// A WebSocket as a byte stream without messages: frames are taken apart and made as the bytes come and go.
import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import { CLOSE_REASONS, type CloseReason, closeReasonFrom } from '#shared/protocol/close-reasons.ts';
import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { CLOSE_WITHIN_MS, PING_EVERY_MS, PONG_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import type { Mask } from '#shared/websocket/mask.ts';
import { headerBytes, MAX_CONTROL_PAYLOAD_BYTES, maskFrame, OPCODES, writeHeader } from './frame-header.ts';
import { type FrameFault, WebSocketFrameParser } from './frame-parser.ts';

/**
 * How the peer reads. `paced`: as it likes, so that a stream which is held up, for hours even, proves nothing.
 * `eager`: always, since what may be on its way is limited above this stream (the resumable stream does that): when
 * nothing moves, the connection is taken for dead. A relay between the two may hold it up as well; what is above this
 * stream must then be able to go on over another one.
 */
export type PeerReading = 'paced' | 'eager';

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

/**
 * `write` says false from here on, in bytes that the kernel has not taken. What one read brings stays below it: a leg
 * that keeps up is never held up.
 */
const WRITE_HIGH_BYTES = 96 * 1024;

/** idle -> open -> closing -> ended; idle and open may end at once. */
type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'open'; readonly sink: ByteSink }
  /** A close frame was sent; what arrives is thrown away. */
  | { readonly kind: 'closing'; readonly sink: ByteSink | undefined; readonly end: StreamEnd }
  | { readonly kind: 'ended'; readonly end: StreamEnd };

/** Wraps a socket that speaks WebSocket frames from here on. */
export function frameStream(options: FrameStreamOptions): ByteStream {
  return new FrameStream(options);
}

class FrameStream implements ByteStream {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #isClient: boolean;
  readonly #isMasking: boolean;
  readonly #isEager: boolean;
  readonly #parser: WebSocketFrameParser;
  #state: State = { kind: 'idle' };
  /** Why this end cuts or the socket failed, for the end that follows. */
  #fault: StreamEnd | undefined;
  #closeSent = false;
  #paused = false;
  #blocked = false;
  /** How often traffic was held up: a ping then waits behind data, and silence proves nothing. */
  #stalls = 0;
  /** How often the kernel took something while it was full: the peer's kernel has then taken as much. */
  #moves = 0;
  #early: Buffer | undefined;
  #corked = false;
  /** The answer to the newest ping that came while the socket was full. */
  #owedPong: Buffer | undefined;
  #cancelClose: Cancel | undefined;
  #cancelPing: Cancel;

  constructor({ socket, head, isClient, mask, reading, clock }: FrameStreamOptions) {
    this.#socket = socket;
    this.#clock = clock;
    this.#isClient = isClient;
    this.#isMasking = isClient && mask === 'random';
    this.#isEager = reading === 'eager';
    this.#early = head.length > 0 ? head : undefined;
    this.#parser = new WebSocketFrameParser(
      {
        data: (piece, headroom) => {
          if (this.#state.kind === 'open') this.#state.sink.data(piece, headroom);
        },
        control: (opcode, payload) => {
          this.#control(opcode, payload);
        },
        fault: (fault) => {
          this.#refuse(fault);
        },
      },
      !isClient,
    );
    socket.pause();
    socket.setNoDelay(true);
    socket.setTimeout(0);
    socket.on('data', this.#received);
    socket.pause();
    socket.on('drain', this.#drained);
    socket.on('end', () => {
      this.#leave();
    });
    socket.on('error', (error) => {
      this.#fault ??= { reason: 'lost', detail: new Untrusted(error.message) };
    });
    socket.on('close', () => {
      this.#finish();
    });
    this.#cancelPing = clock.after(PING_EVERY_MS, this.#ping);
  }

  get pendingBytes(): number {
    return this.#socket.writableLength + this.#socket.readableLength;
  }

  attach(sink: ByteSink): void {
    const state = this.#state;
    switch (state.kind) {
      case 'idle': {
        this.#state = { kind: 'open', sink };
        const early = this.#early ?? EMPTY;
        this.#early = undefined;
        for (let at = 0; at < early.length; at += READ_BYTES) {
          this.#received(early.subarray(at, at + READ_BYTES));
        }
        if (!this.#paused) this.#socket.resume();
        return;
      }
      case 'closing':
        this.#state = { ...state, sink };
        return;
      case 'ended':
        // The peer went before anybody listened: the sink must hear of it, but not from within this call.
        queueMicrotask(() => {
          sink.ended(state.end);
        });
        return;
      case 'open':
        throw new Error('a byte stream was attached twice');
    }
  }

  write(chunk: Buffer, headroom = 0): boolean {
    // Nothing may follow a close frame, also not one that answers the peer's.
    if (this.#closeSent || (this.#state.kind !== 'open' && this.#state.kind !== 'idle')) return true;
    this.#corkThisTurn();
    if (this.#frame(OPCODES.binary, chunk, headroom) || !this.#isFull) return true;
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
    this.#early = undefined;
    this.#sendClose(end.reason);
    // Reading goes on, for the peer's close frame.
    this.#socket.resume();
    this.#cancelClose ??= this.#clock.after(CLOSE_WITHIN_MS, () => {
      this.cut({ reason: 'stuck' });
    });
  }

  cut(end: StreamEnd): void {
    if (this.#state.kind === 'ended') return;
    this.#fault ??= end;
    this.#socket.destroy();
  }

  readonly #received = (chunk: Buffer): void => {
    this.#parser.push(chunk);
  };

  get #isFull(): boolean {
    return this.#socket.writableNeedDrain && this.#socket.writableLength >= WRITE_HIGH_BYTES;
  }

  /** What one read of the other leg brings is one write of this one, however many frames it is. */
  #corkThisTurn(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(this.#uncork);
  }

  readonly #uncork = (): void => {
    this.#corked = false;
    this.#socket.uncork();
  };

  readonly #drained = (): void => {
    const owed = this.#owedPong;
    this.#owedPong = undefined;
    if (owed !== undefined && !this.#closeSent) this.#frame(OPCODES.pong, owed, 0);
    if (!this.#blocked) return;
    this.#moves += 1;
    this.#blocked = false;
    if (this.#state.kind === 'open') this.#state.sink.drained();
  };

  readonly #ping = (): void => {
    const { bytesRead } = this.#socket;
    const before = this.#isEager ? this.#moves : this.#stalls;
    if (!this.#closeSent) this.#frame(OPCODES.ping, EMPTY, 0);
    this.#cancelPing = this.#clock.after(PONG_WITHIN_MS, () => {
      const isHeld = this.#isEager
        ? this.#paused || this.#moves !== before
        : this.#paused || this.#blocked || this.#stalls !== before;
      if (this.#socket.bytesRead === bytesRead && !isHeld) this.cut({ reason: 'unanswered_ping' });
      else this.#cancelPing = this.#clock.after(PING_EVERY_MS - PONG_WITHIN_MS, this.#ping);
    });
  };

  /** Sends one frame; false when the socket says that it has enough. */
  #frame(opcode: number, payload: Buffer, headroom: number): boolean {
    if (this.#isMasking) return this.#send(maskFrame(opcode, payload));
    const length = headerBytes(payload.length, this.#isClient);
    if (headroom >= length) {
      const start = payload.byteOffset - length;
      const whole = Buffer.from(payload.buffer, start, length + payload.length);
      writeHeader(whole, 0, opcode, payload.length, this.#isClient);
      return this.#send(whole);
    }
    const header = Buffer.allocUnsafe(length);
    writeHeader(header, 0, opcode, payload.length, this.#isClient);
    if (payload.length === 0) return this.#send(header);
    // One small piece is cheaper than a vector of two.
    if (payload.length <= MAX_CONTROL_PAYLOAD_BYTES) return this.#send(Buffer.concat([header, payload]));
    this.#socket.cork();
    this.#socket.write(header);
    const isTaken = this.#send(payload);
    this.#socket.uncork();
    return isTaken;
  }

  #send(bytes: Buffer): boolean {
    return this.#isEager ? this.#socket.write(bytes, this.#taken) : this.#socket.write(bytes);
  }

  readonly #taken = (): void => {
    if (this.#blocked) this.#moves += 1;
  };

  #sendClose(reason: CloseReason): void {
    if (this.#closeSent) return;
    this.#closeSent = true;
    // `lost` has no code that may be sent (RFC 6455 section 7.4.1): it is what the other leg met, not this one.
    const said = reason === 'lost' ? 'going_away' : reason;
    const payload = Buffer.allocUnsafe(2 + said.length);
    payload.writeUInt16BE(CLOSE_REASONS[said].code, 0);
    payload.write(said, 2, 'latin1');
    this.#frame(OPCODES.close, payload, 0);
  }

  #control(opcode: number, payload: Buffer): void {
    if (opcode === OPCODES.close) this.#peerClosed(payload);
    if (opcode !== OPCODES.ping || this.#closeSent) return;
    // A peer that pings and does not read must not fill the memory; only its last ping needs an answer (5.5.3).
    if (this.#isFull) this.#owedPong = payload;
    else this.#frame(OPCODES.pong, payload, 0);
  }

  #peerClosed(payload: Buffer): void {
    const code = closeCodeOf(payload);
    if (code === undefined) {
      this.#refuse({ kind: 'bad_frame', detail: 'a close frame with a code that may not be sent' });
      return;
    }
    if (!this.#closeSent) {
      const text = Untrusted.fromBytes(payload.subarray(2));
      const reason = closeReasonFrom(code, text.rawTextToParse());
      this.#fault ??= text.is('') ? { reason } : { reason, detail: text };
      this.#closeSent = true;
      this.#frame(OPCODES.close, payload.subarray(0, 2), 0);
    }
    this.#leave();
  }

  /** The peer sends no more: this end closes too (section 7.1.1), and a peer that does not take the rest is cut. */
  #leave(): void {
    this.#closeSent = true;
    // Node makes an error of a second call, with its stack, to throw it away.
    if (!this.#socket.writableEnded) this.#socket.end();
    this.#cancelClose ??= this.#clock.after(CLOSE_WITHIN_MS, () => {
      this.#socket.destroy();
    });
  }

  #refuse(fault: FrameFault): void {
    const detail = fault.kind === 'text_on_stream' ? undefined : fault.detail;
    this.#fault ??= { reason: fault.kind, ...(detail === undefined ? {} : { detail }) };
    this.close(this.#fault);
    // The parser reads no further, so the peer's close frame cannot be waited for.
    this.#socket.end();
  }

  #finish(): void {
    const state = this.#state;
    if (state.kind === 'ended') return;
    this.#cancelPing();
    this.#cancelClose?.();
    const own = state.kind === 'closing' ? state.end : undefined;
    const end = this.#fault ?? own ?? { reason: 'lost' };
    this.#state = { kind: 'ended', end };
    if (state.kind !== 'idle') state.sink?.ended(end);
  }
}

/** The code of a close frame, 1005 for none; undefined for what may not be sent (section 7.4). */
function closeCodeOf(payload: Buffer): number | undefined {
  if (payload.length === 0) return 1005;
  if (payload.length === 1) return undefined;
  const code = payload.readUInt16BE(0);
  const isDefined =
    (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) || code >= 3000;
  return isDefined && code <= 4999 && isUtf8(payload.subarray(2)) ? code : undefined;
}

const EMPTY = Buffer.alloc(0);
