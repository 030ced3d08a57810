// The frame parser: takes the bytes of a WebSocket as they come, and hands on payloads. It never assembles a message.
//
// Data frames become pieces of the stream; small ones that came together leave together. Control frames are collected
// (125 bytes at most). The rules are those of RFC 6455 sections 5.2 to 5.5 and 7.4; extensions are never negotiated.
import { MAX_CONTROL_PAYLOAD_BYTES, MAX_HEADER_BYTES, OPCODES } from './frame-header.ts';
import { unmask } from './masking.ts';

/** What a peer did that ends its connection. */
export type FrameFault =
  /** Against the protocol: close code 1002. */
  | { readonly kind: 'bad_frame'; readonly detail: string }
  /** Text on a stream of bytes: 1003. */
  | { readonly kind: 'text_on_stream' }
  /** Over MAX_FRAME_BYTES, or what no machine can count: 1009. */
  | { readonly kind: 'too_big'; readonly detail: string };

export interface FrameSink {
  /**
   * A piece of the stream. The sink owns it, and the `headroom` bytes before it in its buffer: a frame header may be
   * written there.
   */
  data(piece: Buffer, headroom: number): void;
  /** A whole control frame. */
  control(opcode: number, payload: Buffer): void;
  /** The last call, as a close frame is. */
  fault(fault: FrameFault): void;
}

/**
 * The longest data frame, in bytes. Nothing is assembled, so it costs no memory; the limit is what distinguishes a peer that
 * speaks something else from one that speaks to us.
 */
export const MAX_FRAME_BYTES = 1024 * 1024;

/**
 * A payload shorter than this is moved up to the one before it: a frame more costs its receiver, and this process,
 * more than the copy does.
 */
const JOIN_BELOW_BYTES = 16 * 1024;

/** header -> payload -> header … -> over */
type Phase = 'header' | 'data' | 'control' | 'over';

const FIN = 0x80;
const RESERVED = 0x70;

export class WebSocketFrameParser {
  readonly #sink: FrameSink;
  /** True at the server: every frame must be masked; at the client none may be. */
  readonly #expectsMask: boolean;
  /** A word, and what counts in one phase lies beside it: an object per frame would be garbage at every frame. */
  #phase: Phase = 'header';
  /** A header that has not come whole yet. */
  readonly #header = Buffer.alloc(MAX_HEADER_BYTES);
  #headerLength = 0;
  #opcode = 0;
  #isFinal = true;
  #left = 0;
  #mask = 0;
  #turn = 0;
  /** Inside a fragmented message. */
  #isContinued = false;
  #control: Buffer = EMPTY;
  /** Bytes of the header just read that lie in this chunk, right before its payload. */
  #room = 0;
  /** The payload in this chunk that has not been handed on, and the free bytes before it. */
  #chunk: Buffer = EMPTY;
  #runStart = 0;
  #runEnd = 0;
  #runRoom = 0;

  constructor(sink: FrameSink, expectsMask: boolean) {
    this.#sink = sink;
    this.#expectsMask = expectsMask;
  }

  /** Takes the next bytes; `chunk` belongs to the parser, and is unmasked in place. Never throws. */
  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#runStart = 0;
    this.#runEnd = 0;
    this.#runRoom = 0;
    this.#room = 0;
    for (let at = 0; at < chunk.length; ) at = this.#step(chunk, at);
    this.#flush();
    this.#chunk = EMPTY;
  }

  /** Begins inside a whole, unmasked frame of which `left` bytes are to come. To be called before anything was pushed. */
  skipInto(left: number): void {
    if (left === 0) return;
    this.#left = left;
    this.#phase = 'data';
  }

  /** One header, or what there is of one payload; the result is where it stopped. */
  #step(chunk: Buffer, at: number): number {
    switch (this.#phase) {
      case 'header':
        return this.#readHeader(chunk, at);
      case 'data':
        return this.#readData(chunk, at);
      case 'control':
        return this.#readControl(chunk, at);
      case 'over':
        return chunk.length;
    }
  }

  #flush(): void {
    const { length } = this.#chunk;
    if (this.#runEnd > this.#runStart && this.#runEnd <= length) {
      this.#sink.data(this.#chunk.subarray(this.#runStart, this.#runEnd), this.#runRoom);
    }
    this.#runStart = this.#runEnd;
    this.#runRoom = 0;
  }

  /** Reads header bytes from `at`; the result is where it stopped. The phase says whether the header is whole. */
  #readHeader(chunk: Buffer, at: number): number {
    const header = this.#header;
    let next = at;
    while (next < chunk.length) {
      header[this.#headerLength] = chunk[next] ?? 0;
      this.#headerLength += 1;
      next += 1;
      if (this.#headerLength < 2) continue;
      const second = header[1] ?? 0;
      const lengthMark = second & 0x7f;
      const lengthBytes = lengthMark === 126 ? 2 : lengthMark === 127 ? 8 : 0;
      const maskBytes = second & 0x80 ? 4 : 0;
      if (this.#headerLength === 2 && !this.#checkOpcode(header[0] ?? 0, lengthMark, maskBytes > 0))
        return next;
      if (this.#headerLength < 2 + lengthBytes + maskBytes) continue;
      this.#beginPayload(lengthMark, lengthBytes, maskBytes);
      this.#room = next - at;
      return next;
    }
    return next;
  }

  #checkOpcode(first: number, lengthMark: number, isMasked: boolean): boolean {
    this.#opcode = first & 0x0f;
    this.#isFinal = (first & FIN) !== 0;
    if ((first & RESERVED) !== 0) return this.#fail('a reserved bit is set');
    if (isMasked !== this.#expectsMask) {
      return this.#fail(isMasked ? 'a frame of a server is masked' : 'a frame of a client is not masked');
    }
    switch (this.#opcode) {
      case OPCODES.continuation:
        return this.#isContinued || this.#fail('a continuation of nothing');
      case OPCODES.text:
        if (this.#isContinued) return this.#fail('a new message inside a fragmented one');
        return this.#end({ kind: 'text_on_stream' });
      case OPCODES.binary:
        return !this.#isContinued || this.#fail('a new message inside a fragmented one');
      case OPCODES.close:
      case OPCODES.ping:
      case OPCODES.pong:
        if (!this.#isFinal) return this.#fail('a fragmented control frame');
        return lengthMark <= MAX_CONTROL_PAYLOAD_BYTES || this.#fail('a control frame of over 125 bytes');
      default:
        return this.#fail(`opcode ${this.#opcode} is reserved`);
    }
  }

  #beginPayload(lengthMark: number, lengthBytes: number, maskBytes: number): void {
    const header = this.#header;
    this.#headerLength = 0;
    this.#left = lengthMark;
    if (lengthBytes === 2) this.#left = header.readUInt16BE(2);
    if (lengthBytes === 8) {
      const high = header.readUInt32BE(2);
      if (high > 0x1f_ffff) {
        this.#end({ kind: 'too_big', detail: 'a frame of over 2^53-1 bytes' });
        return;
      }
      this.#left = high * 0x1_0000_0000 + header.readUInt32BE(6);
    }
    if (this.#left > MAX_FRAME_BYTES) {
      this.#end({ kind: 'too_big', detail: `a frame of ${this.#left} bytes` });
      return;
    }
    this.#mask = maskBytes === 4 ? header.readInt32BE(2 + lengthBytes) : 0;
    this.#turn = 0;
    if (this.#opcode >= OPCODES.close) {
      this.#control = EMPTY;
      this.#phase = 'control';
      if (this.#left === 0) this.#endControl();
    } else {
      this.#isContinued = !this.#isFinal;
      this.#phase = this.#left === 0 ? 'header' : 'data';
    }
  }

  #readData(chunk: Buffer, at: number): number {
    const end = at + Math.min(this.#left, chunk.length - at);
    this.#turn = unmask(chunk, at, end, this.#mask, this.#turn);
    this.#left -= end - at;
    if (this.#left === 0) this.#phase = 'header';
    // The bytes before stay where they are, so only the length of this payload counts.
    if (end - at >= JOIN_BELOW_BYTES) this.#flush();
    if (this.#runEnd === this.#runStart) {
      this.#runStart = at;
      this.#runEnd = end;
      this.#runRoom = this.#room;
    } else {
      chunk.copyWithin(this.#runEnd, at, end);
      this.#runEnd += end - at;
    }
    this.#room = 0;
    return end;
  }

  #readControl(chunk: Buffer, at: number): number {
    const end = at + Math.min(this.#left, chunk.length - at);
    this.#turn = unmask(chunk, at, end, this.#mask, this.#turn);
    // A copy: the chunk's other bytes are on their way elsewhere.
    this.#control = Buffer.concat([this.#control, chunk.subarray(at, end)]);
    this.#left -= end - at;
    if (this.#left === 0) this.#endControl();
    return end;
  }

  #endControl(): void {
    // What came before a close frame is delivered before it.
    this.#flush();
    // Nothing may follow a close frame (section 5.5.1).
    this.#phase = this.#opcode === OPCODES.close ? 'over' : 'header';
    this.#sink.control(this.#opcode, this.#control);
  }

  #fail(detail: string): false {
    return this.#end({ kind: 'bad_frame', detail });
  }

  #end(fault: FrameFault): false {
    this.#flush();
    this.#phase = 'over';
    this.#sink.fault(fault);
    return false;
  }
}

const EMPTY = Buffer.alloc(0);
