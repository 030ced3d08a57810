// The frame parser: chunks of any size in, frames out; DATA is handed on in pieces, never assembled.
import { allocateBytes, type ByteChunk, bytesOver, readUint32 } from '#shared/stream/byte-chunk.ts';
import { type ResumeCode, resumeCodeFrom } from './codes.ts';
import {
  CODE_PAYLOAD_BYTES,
  DATA_HEAD_BYTES,
  FRAME_TYPES,
  HEADER_BYTES,
  MAX_OPENING_PAYLOAD_BYTES,
  OFFSET_BYTES,
  OPEN_MAGIC,
  OPEN_MODES,
  OPEN_PAYLOAD_BYTES,
  OPENED_PAYLOAD_BYTES,
  type OpenedFrame,
  type OpenFrame,
  readOffset,
  STREAM_ID_BYTES,
} from './frames.ts';
import { MAX_PAYLOAD_BYTES } from './limits.ts';

export type ReceivedFrame =
  | ({ readonly kind: 'open' } & OpenFrame)
  | ({ readonly kind: 'opened' } & OpenedFrame)
  | { readonly kind: 'refused'; readonly code: ResumeCode }
  /** A piece of a DATA frame; `offset` is that of the piece. */
  | { readonly kind: 'data'; readonly offset: number; readonly bytes: ByteChunk }
  | { readonly kind: 'ack'; readonly total: number }
  | { readonly kind: 'fin'; readonly offset: number }
  | { readonly kind: 'reset'; readonly code: ResumeCode }
  /** What came is not this protocol. The last result: the parser repeats it for ever. */
  | { readonly kind: 'bad'; readonly code: ResumeCode; readonly detail: string };

type ParserState =
  | { readonly kind: 'head' }
  | { readonly kind: 'data'; offset: number; left: number }
  | { readonly kind: 'bad'; readonly code: ResumeCode; readonly detail: string };

const READING_HEAD = { kind: 'head' } as const;

/** Where the fields of an OPEN lie in its payload. */
const OPEN_VERSION_AT = OPEN_MAGIC.length;
const OPEN_ID_AT = OPEN_VERSION_AT + 1;
const OPEN_MODE_AT = OPEN_ID_AT + STREAM_ID_BYTES;

/** The length of a payload, by the type of the frame. */
const PAYLOAD_BYTES: Readonly<Record<number, { readonly least: number; readonly most: number }>> = {
  // The version must be readable whatever follows, to refuse it as such.
  [FRAME_TYPES.open]: { least: OPEN_ID_AT, most: MAX_OPENING_PAYLOAD_BYTES },
  [FRAME_TYPES.opened]: { least: OFFSET_BYTES, most: MAX_OPENING_PAYLOAD_BYTES },
  [FRAME_TYPES.refused]: { least: CODE_PAYLOAD_BYTES, most: CODE_PAYLOAD_BYTES },
  // An empty DATA says nothing, and would let a peer keep us busy for nothing.
  [FRAME_TYPES.data]: { least: OFFSET_BYTES + 1, most: MAX_PAYLOAD_BYTES },
  [FRAME_TYPES.ack]: { least: OFFSET_BYTES, most: OFFSET_BYTES },
  [FRAME_TYPES.fin]: { least: OFFSET_BYTES, most: OFFSET_BYTES },
  [FRAME_TYPES.reset]: { least: CODE_PAYLOAD_BYTES, most: CODE_PAYLOAD_BYTES },
};

export class ResumeFrameParser {
  #state: ParserState = READING_HEAD;
  readonly #chunks: ByteChunk[] = [];
  /** The frame's header and, but for the bytes of DATA, its payload: put together here. */
  readonly #head = allocateBytes(HEADER_BYTES + MAX_OPENING_PAYLOAD_BYTES);
  #filled = 0;

  /** Adds what arrived. Take it out with `next` until that is undefined, before the next `push`. */
  push(chunk: ByteChunk): void {
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

  #piece(state: { offset: number; left: number }, chunk: ByteChunk): ReceivedFrame {
    const bytes = chunk.length > state.left ? chunk.subarray(0, state.left) : chunk;
    const offset = state.offset;
    this.#consume(chunk, bytes.length);
    state.offset += bytes.length;
    state.left -= bytes.length;
    if (state.left === 0) this.#state = READING_HEAD;
    return { kind: 'data', offset, bytes };
  }

  /** Moves bytes from the chunk to the head, up to the next thing that can be judged. */
  #fill(chunk: ByteChunk): ReceivedFrame | undefined {
    const wanted = this.#wanted();
    const taken = Math.min(chunk.length, wanted - this.#filled);
    // A few bytes: a loop is sooner done than a view of them.
    for (let at = 0; at < taken; at += 1) this.#head[this.#filled + at] = chunk[at] ?? 0;
    this.#filled += taken;
    this.#consume(chunk, taken);
    if (this.#filled < wanted) return undefined;
    if (wanted <= HEADER_BYTES) return this.#checkHeader();
    this.#filled = 0;
    return this.#decode();
  }

  /** The type, the header, or all but the bytes of DATA. What cannot be a frame is refused at its first byte. */
  #wanted(): number {
    if (this.#filled === 0) return 1;
    if (this.#filled < HEADER_BYTES) return HEADER_BYTES;
    if (this.#head[0] === FRAME_TYPES.data) return DATA_HEAD_BYTES;
    return HEADER_BYTES + readUint32(this.#head, 1);
  }

  #checkHeader(): ReceivedFrame | undefined {
    const type = this.#head[0] ?? 0;
    const limits = PAYLOAD_BYTES[type];
    if (limits === undefined) return this.#fail('protocol_error', `unknown frame type ${type}`);
    if (this.#filled === 1) return undefined;
    const bytes = readUint32(this.#head, 1);
    if (bytes > MAX_PAYLOAD_BYTES) return this.#fail('too_big', `a frame of ${bytes} bytes`);
    if (bytes >= limits.least && bytes <= limits.most) return undefined;
    return this.#fail('protocol_error', `frame type ${type} with ${bytes} bytes`);
  }

  #decode(): ReceivedFrame | undefined {
    const head = this.#head;
    const type = head[0] ?? 0;
    const payloadBytes = readUint32(head, 1);
    if (type === FRAME_TYPES.open) {
      return this.#decodeOpen(head.subarray(HEADER_BYTES, HEADER_BYTES + payloadBytes));
    }
    if (type === FRAME_TYPES.refused || type === FRAME_TYPES.reset) {
      const code = resumeCodeFrom((head[HEADER_BYTES] ?? 0) * 256 + (head[HEADER_BYTES + 1] ?? 0));
      return { kind: type === FRAME_TYPES.reset ? 'reset' : 'refused', code };
    }
    const offset = readOffset(head, HEADER_BYTES);
    if (offset === undefined) return this.#fail('protocol_error', 'an offset over 2^53');
    if (type === FRAME_TYPES.ack) return { kind: 'ack', total: offset };
    if (type === FRAME_TYPES.fin) return { kind: 'fin', offset };
    if (type === FRAME_TYPES.opened) {
      if (payloadBytes < OPENED_PAYLOAD_BYTES) return { kind: 'opened', received: offset };
      const seconds = readUint32(head, HEADER_BYTES + OFFSET_BYTES);
      return { kind: 'opened', received: offset, resumeWindowMs: seconds * 1_000 };
    }
    this.#state = { kind: 'data', offset, left: payloadBytes - OFFSET_BYTES };
    return undefined;
  }

  #decodeOpen(payload: Uint8Array): ReceivedFrame {
    if (!startsWithMagic(payload)) return this.#fail('protocol_error', 'an OPEN without its magic');
    const version = payload[OPEN_VERSION_AT] ?? 0;
    if (version !== 1 && version !== 2) return this.#fail('bad_version', `version ${version}`);
    if (payload.length < OPEN_PAYLOAD_BYTES) return this.#fail('protocol_error', 'an OPEN that is too short');
    const mode = payload[OPEN_MODE_AT];
    if (mode !== OPEN_MODES.new && mode !== OPEN_MODES.resume) {
      return this.#fail('protocol_error', `open mode ${mode}`);
    }
    const received = readOffset(payload, OPEN_MODE_AT + 1);
    if (received === undefined) return this.#fail('protocol_error', 'an offset over 2^53');
    const streamId = bytesOver(Uint8Array.from(payload.subarray(OPEN_ID_AT, OPEN_MODE_AT)));
    return { kind: 'open', version, streamId, mode: mode === OPEN_MODES.new ? 'new' : 'resume', received };
  }

  #consume(chunk: ByteChunk, bytes: number): void {
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

function startsWithMagic(payload: Uint8Array): boolean {
  return Array.from(OPEN_MAGIC).every((letter, at) => payload[at] === letter.charCodeAt(0));
}
