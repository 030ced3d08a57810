// The frame parser: chunks of any size in, frames out; DATA is handed on in pieces, never assembled.
import { type ResumeCode, resumeCodeFrom } from './codes.ts';
import {
  CODE_PAYLOAD_BYTES,
  DATA_HEAD_BYTES,
  FRAME_TYPES,
  HEADER_BYTES,
  LONGEST_OPENING_PAYLOAD_BYTES,
  OFFSET_BYTES,
  OPEN_MAGIC,
  OPEN_MODES,
  OPEN_PAYLOAD_BYTES,
  OPENED_PAYLOAD_BYTES,
  type OpenedFrame,
  type OpenFrame,
  type ProtocolVersion,
  readOffset,
  SESSION_ID_BYTES,
} from './frames.ts';
import { MAX_PAYLOAD_BYTES } from './limits.ts';

export type ReceivedFrame =
  | ({ readonly kind: 'open' } & OpenFrame)
  | ({ readonly kind: 'opened' } & OpenedFrame)
  | { readonly kind: 'refused'; readonly code: ResumeCode }
  /** A piece of a DATA frame; `offset` is that of the piece. */
  | { readonly kind: 'data'; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'ack'; readonly total: number }
  | { readonly kind: 'fin'; readonly offset: number }
  | { readonly kind: 'reset'; readonly code: ResumeCode }
  /** What came is not this protocol. The last result: the parser repeats it for ever. */
  | { readonly kind: 'bad'; readonly code: ResumeCode; readonly detail: string };

type ParserState =
  | { readonly kind: 'head' }
  | { readonly kind: 'data'; offset: number; left: number }
  | { readonly kind: 'bad'; readonly code: ResumeCode; readonly detail: string };

const OPEN_VERSION_END_BYTES = OPEN_MAGIC.length + 1;
const READING_HEAD = { kind: 'head' } as const;

export class ResumeFrameParser {
  #state: ParserState = READING_HEAD;
  readonly #chunks: Buffer[] = [];
  /** The frame's head and, but for DATA, its payload, put together here when a chunk ends within. */
  readonly #head = Buffer.alloc(HEADER_BYTES + LONGEST_OPENING_PAYLOAD_BYTES);
  #filled = 0;

  /** Adds what arrived. Take it out with `next` until that is undefined, before the next `push`. */
  push(chunk: Buffer): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
  }

  /** The next frame or piece of DATA; undefined: more bytes are needed. */
  next(): ReceivedFrame | undefined {
    for (;;) {
      const state = this.#state;
      if (state.kind === 'bad') return state;
      const chunk = this.#chunks[0];
      if (chunk === undefined) return undefined;
      if (state.kind === 'data') return this.#piece(state, chunk);
      const frame = this.#fill(chunk);
      if (frame !== undefined) return frame;
    }
  }

  #piece(state: { offset: number; left: number }, chunk: Buffer): ReceivedFrame {
    const bytes = chunk.length > state.left ? chunk.subarray(0, state.left) : chunk;
    const offset = state.offset;
    this.#consume(chunk, bytes.length);
    state.offset += bytes.length;
    state.left -= bytes.length;
    if (state.left === 0) this.#state = READING_HEAD;
    return { kind: 'data', offset, bytes };
  }

  /** Moves bytes from the chunk to the head, as many as the next decision needs. */
  #fill(chunk: Buffer): ReceivedFrame | undefined {
    const wanted = this.#wanted();
    const taken = chunk.copy(this.#head, this.#filled, 0, wanted - this.#filled);
    this.#filled += taken;
    this.#consume(chunk, taken);
    if (this.#filled === 1 || this.#filled === HEADER_BYTES) return this.#checkHeader();
    if (this.#filled < wanted) return undefined;
    this.#filled = 0;
    return this.#decode();
  }

  #wanted(): number {
    // The type alone first: what cannot be a frame is refused at its first byte.
    if (this.#filled === 0) return 1;
    if (this.#filled < HEADER_BYTES) return HEADER_BYTES;
    if (this.#head[0] === FRAME_TYPES.data) return DATA_HEAD_BYTES;
    return HEADER_BYTES + this.#head.readUInt32BE(1);
  }

  #checkHeader(): ReceivedFrame | undefined {
    const limits = payloadLimits(this.#head.readUInt8(0));
    if (limits === undefined) return this.#fail('protocol_error', `unknown frame type ${this.#head[0]}`);
    if (this.#filled === 1) return undefined;
    const length = this.#head.readUInt32BE(1);
    if (length > MAX_PAYLOAD_BYTES) return this.#fail('too_big', `a frame of ${length} bytes`);
    if (length < limits.least || length > limits.most) {
      return this.#fail('protocol_error', `frame type ${this.#head[0]} with ${length} bytes`);
    }
    return undefined;
  }

  #decode(): ReceivedFrame | undefined {
    const head = this.#head;
    const type = head.readUInt8(0);
    if (type === FRAME_TYPES.open) return this.#decodeOpen();
    if (type === FRAME_TYPES.refused) {
      return { kind: 'refused', code: resumeCodeFrom(head.readUInt16BE(HEADER_BYTES)) };
    }
    if (type === FRAME_TYPES.reset) {
      return { kind: 'reset', code: resumeCodeFrom(head.readUInt16BE(HEADER_BYTES)) };
    }
    const offset = readOffset(head, HEADER_BYTES);
    if (offset === undefined) return this.#fail('protocol_error', 'an offset over 2^53');
    if (type === FRAME_TYPES.opened) return this.#decodeOpened(offset);
    if (type === FRAME_TYPES.ack) return { kind: 'ack', total: offset };
    if (type === FRAME_TYPES.fin) return { kind: 'fin', offset };
    this.#state = { kind: 'data', offset, left: head.readUInt32BE(1) - OFFSET_BYTES };
    return undefined;
  }

  #decodeOpen(): ReceivedFrame {
    const payload = this.#head.subarray(HEADER_BYTES, HEADER_BYTES + this.#head.readUInt32BE(1));
    if (payload.toString('latin1', 0, OPEN_MAGIC.length) !== OPEN_MAGIC) {
      return this.#fail('protocol_error', 'an OPEN without its magic');
    }
    const version = payload.readUInt8(OPEN_MAGIC.length);
    if (!isSpoken(version)) return this.#fail('bad_version', `version ${version}`);
    if (payload.length < OPEN_PAYLOAD_BYTES) return this.#fail('protocol_error', 'an OPEN that is too short');
    const idEnd = OPEN_VERSION_END_BYTES + SESSION_ID_BYTES;
    const mode = payload.readUInt8(idEnd);
    if (mode !== OPEN_MODES.new && mode !== OPEN_MODES.resume) {
      return this.#fail('protocol_error', `open mode ${mode}`);
    }
    const received = readOffset(payload, idEnd + 1);
    if (received === undefined) return this.#fail('protocol_error', 'an offset over 2^53');
    const sessionId = Buffer.from(payload.subarray(OPEN_VERSION_END_BYTES, idEnd));
    return { kind: 'open', version, sessionId, mode: mode === OPEN_MODES.new ? 'new' : 'resume', received };
  }

  #decodeOpened(received: number): ReceivedFrame {
    if (this.#head.readUInt32BE(1) < OPENED_PAYLOAD_BYTES) return { kind: 'opened', received };
    const seconds = this.#head.readUInt32BE(HEADER_BYTES + OFFSET_BYTES);
    return { kind: 'opened', received, resumeWindowMs: seconds * 1_000 };
  }

  #consume(chunk: Buffer, bytes: number): void {
    if (bytes === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(bytes);
  }

  #fail(code: ResumeCode, detail: string): ReceivedFrame {
    const bad = { kind: 'bad', code, detail } as const;
    this.#state = bad;
    this.#chunks.length = 0;
    return bad;
  }
}

function isSpoken(version: number): version is ProtocolVersion {
  return version === 1 || version === 2;
}

function payloadLimits(type: number): { least: number; most: number } | undefined {
  switch (type) {
    case FRAME_TYPES.open:
      // The version must be readable whatever follows, to refuse it as such.
      return { least: OPEN_VERSION_END_BYTES, most: LONGEST_OPENING_PAYLOAD_BYTES };
    case FRAME_TYPES.opened:
      return { least: OFFSET_BYTES, most: LONGEST_OPENING_PAYLOAD_BYTES };
    case FRAME_TYPES.refused:
    case FRAME_TYPES.reset:
      return { least: CODE_PAYLOAD_BYTES, most: CODE_PAYLOAD_BYTES };
    case FRAME_TYPES.ack:
    case FRAME_TYPES.fin:
      return { least: OFFSET_BYTES, most: OFFSET_BYTES };
    case FRAME_TYPES.data:
      // An empty DATA says nothing, and would let a peer keep us busy for nothing.
      return { least: OFFSET_BYTES + 1, most: MAX_PAYLOAD_BYTES };
    default:
      return undefined;
  }
}
