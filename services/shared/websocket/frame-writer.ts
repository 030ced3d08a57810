// The frame writer: puts what a stream sends on its socket as frames, with pings, pongs and the close frame between.
import type { Socket } from 'node:net';
import { TurnCork } from '#shared/stream/turn-cork.ts';
import { headerBytes, MAX_CONTROL_PAYLOAD_BYTES, maskFrame, OPCODES, writeHeader } from './frame-header.ts';
import type { Mask } from './mask-choice.ts';
import type { Pace } from './pace.ts';

/**
 * A write of data says false from here on, in bytes that the kernel has not taken. What one read brings stays below it:
 * a leg that keeps up is never held up.
 */
const WRITE_HIGH_BYTES = 96 * 1024;

export interface FrameWriterOptions {
  readonly socket: Socket;
  /** `none` at the server, which masks nothing. */
  readonly mask: Mask | 'none';
  /** Notified when the socket is full, and when the kernel takes something. */
  readonly pace: Pace;
}

export class FrameWriter {
  readonly #socket: Socket;
  readonly #mask: Mask | 'none';
  readonly #pace: Pace;
  /** What one read of the other leg brings is one write of this one, however many frames it is. */
  readonly #cork: TurnCork;
  /** Nothing may follow a close frame, also not one that answers the peer's. */
  #isShut = false;
  /** The answer to the newest ping that came while the socket was full. */
  #owedPong: Buffer | undefined;

  constructor({ socket, mask, pace }: FrameWriterOptions) {
    this.#socket = socket;
    this.#mask = mask;
    this.#pace = pace;
    this.#cork = new TurnCork(socket, 'callback');
  }

  /** As `ByteStream.write`. */
  data(chunk: Buffer, headroom: number): boolean {
    if (this.#isShut) return true;
    this.#cork.hold();
    if (this.#frame(OPCODES.binary, chunk, headroom) || !this.#isFull) return true;
    this.#pace.fill();
    return false;
  }

  /** Sends what is made of frames already. */
  rest(frames: Buffer): void {
    if (frames.length > 0) this.#send(frames);
  }

  ping(): void {
    if (!this.#isShut) this.#frame(OPCODES.ping, EMPTY, 0);
  }

  /** Answers a ping. A peer that pings and does not read must not fill the memory: only its last ping needs it (5.5.3). */
  pong(payload: Buffer): void {
    if (this.#isShut) return;
    if (this.#isFull) this.#owedPong = payload;
    else this.#frame(OPCODES.pong, payload, 0);
  }

  /** Sends the close frame; the last frame there is. May be called twice. */
  close(payload: Buffer): void {
    if (this.#isShut) return;
    this.#isShut = true;
    this.#frame(OPCODES.close, payload, 0);
  }

  /** Ends the socket after what was written. May be called twice. */
  end(): void {
    this.#isShut = true;
    // Node makes an error of a second call, with its stack, to throw it away.
    if (!this.#socket.writableEnded) this.#socket.end();
  }

  /** To be called when the socket has drained. True: a write of data had been told to stop. */
  drained(): boolean {
    const owed = this.#owedPong;
    this.#owedPong = undefined;
    if (owed !== undefined) this.pong(owed);
    return this.#pace.drain();
  }

  get #isFull(): boolean {
    return this.#socket.writableNeedDrain && this.#socket.writableLength >= WRITE_HIGH_BYTES;
  }

  /** Sends one frame; false when the socket says that it has enough. */
  #frame(opcode: number, payload: Buffer, headroom: number): boolean {
    if (this.#mask === 'random') return this.#send(maskFrame(opcode, payload));
    const isMasked = this.#mask === 'zero';
    const length = headerBytes(payload.length, isMasked);
    if (headroom >= length) {
      const start = payload.byteOffset - length;
      const whole = Buffer.from(payload.buffer, start, length + payload.length);
      writeHeader(whole, 0, opcode, payload.length, isMasked);
      return this.#send(whole);
    }
    const header = Buffer.allocUnsafe(length);
    writeHeader(header, 0, opcode, payload.length, isMasked);
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
    return this.#pace.countsMoves ? this.#socket.write(bytes, this.#taken) : this.#socket.write(bytes);
  }

  readonly #taken = (): void => {
    this.#pace.move();
  };
}

const EMPTY = Buffer.alloc(0);
