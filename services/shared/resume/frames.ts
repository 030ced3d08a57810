// The resume protocol: its flow, its frames, and the encoder of each.
//
// It runs between a client program and an agent, below SSH and above a transport (a WebSocket, a hop, or several
// one after the other). A transport may be lost at any byte; the stream goes on over the next one.
//
//   client                                  agent
//     OPEN(new, id, 0)                ->                  first on every transport
//                                     <-    OPENED(0, resume window)
//                                           or REFUSED(code), and the transport is closed
//     DATA, ACK, FIN                 <->    DATA, ACK, FIN
//        ~ the transport is lost; the client dials again ~
//     OPEN(resume, id, received)      ->
//                                     <-    OPENED(received, resume window)
//     DATA from what the agent lacks <->    DATA from what the client lacks
//
// A frame is `type u8, length u32, payload`; integers are big-endian. Each direction is one sequence of bytes, counted from
// 0, and the FIN is a place in it. DATA and FIN say their offset; ACK says the total that the local side took, which is the
// flow control too; `received` says what arrived. The rules are in docs/protocol.md, "The resumable stream".
//
// OPEN names the version of the client, and the agent answers in that. One that it does not speak it refuses with
// bad_version, and the client opens again with the oldest.
//   1   the first
//   2   OPENED has a resume window; before, the client took the agent's to be RESUME_WINDOW_MS
import {
  allocateBytes,
  type ByteChunk,
  bytesAt,
  readUint32,
  writeUint32,
} from '#shared/stream/byte-chunk.ts';
import { RESUME_CODES, type ResumeCode } from './codes.ts';

export const FRAME_TYPES = { open: 1, opened: 2, refused: 3, data: 4, ack: 5, fin: 6, reset: 7 } as const;

export type ProtocolVersion = 1 | 2;
export const RESUME_VERSION: ProtocolVersion = 2;
export const OLDEST_VERSION: ProtocolVersion = 1;
export const OPEN_MAGIC = 'CVRS';
export const STREAM_ID_BYTES = 16;

export type OpenMode = 'new' | 'resume';
export const OPEN_MODES = { new: 0, resume: 1 } as const satisfies Record<OpenMode, number>;

/** Type and length. */
export const HEADER_BYTES = 5;
export const OFFSET_BYTES = 8;
export const CODE_PAYLOAD_BYTES = 2;
/** magic, version, stream id, mode, received. */
export const OPEN_PAYLOAD_BYTES = OPEN_MAGIC.length + 1 + STREAM_ID_BYTES + 1 + OFFSET_BYTES;
/** received; resume window in whole seconds, of version 2. */
export const OPENED_PAYLOAD_BYTES = OFFSET_BYTES + 4;
/** Of OPEN and OPENED, those of later versions included. */
export const MAX_OPENING_PAYLOAD_BYTES = 64;
/** What precedes the bytes of a DATA frame. */
export const DATA_HEAD_BYTES = HEADER_BYTES + OFFSET_BYTES;

/** Free bytes before every frame that is made here, for the header of what carries it (a WebSocket's is the longest). */
export const FRAME_HEADROOM_BYTES = 14;
/** Free bytes before a chunk that can become a DATA frame where it lies. */
export const DATA_HEADROOM_BYTES = FRAME_HEADROOM_BYTES + DATA_HEAD_BYTES;

export interface OpenFrame {
  readonly version: ProtocolVersion;
  readonly streamId: Uint8Array;
  readonly mode: OpenMode;
  readonly received: number;
}

export interface OpenedFrame {
  readonly received: number;
  /** In milliseconds; undefined from and for an end of version 1. */
  readonly resumeWindowMs?: number;
}

export function encodeOpen({ version, streamId, mode, received }: OpenFrame): ByteChunk {
  const frame = startFrame(FRAME_TYPES.open, OPEN_PAYLOAD_BYTES);
  frame.set(new TextEncoder().encode(OPEN_MAGIC), HEADER_BYTES);
  const versionAt = HEADER_BYTES + OPEN_MAGIC.length;
  frame[versionAt] = version;
  frame.set(streamId.subarray(0, STREAM_ID_BYTES), versionAt + 1);
  const modeAt = versionAt + 1 + STREAM_ID_BYTES;
  frame[modeAt] = OPEN_MODES[mode];
  writeOffset(frame, modeAt + 1, received);
  return frame;
}

export function encodeOpened({ received, resumeWindowMs }: OpenedFrame): ByteChunk {
  if (resumeWindowMs === undefined) return encodeOffsetFrame(FRAME_TYPES.opened, received);
  const frame = startFrame(FRAME_TYPES.opened, OPENED_PAYLOAD_BYTES);
  writeOffset(frame, HEADER_BYTES, received);
  writeUint32(frame, HEADER_BYTES + OFFSET_BYTES, Math.ceil(resumeWindowMs / 1_000));
  return frame;
}

export function encodeRefused(code: ResumeCode): ByteChunk {
  return encodeCodeFrame(FRAME_TYPES.refused, code);
}

/** Copies `bytes` behind their head: one buffer per frame, kept as it is until it is acknowledged. */
export function encodeData(offset: number, bytes: ByteChunk): ByteChunk {
  const frame = startFrame(FRAME_TYPES.data, OFFSET_BYTES + bytes.length);
  writeOffset(frame, HEADER_BYTES, offset);
  frame.set(bytes, DATA_HEAD_BYTES);
  return frame;
}

/** As `encodeData`, where `bytes` lie: the DATA_HEADROOM_BYTES before them become their head and its headroom. */
export function encodeDataInPlace(offset: number, bytes: ByteChunk): ByteChunk {
  const start = bytes.byteOffset - DATA_HEAD_BYTES;
  const frame = bytesAt(bytes.buffer, start, DATA_HEAD_BYTES + bytes.length);
  writeHead(frame, FRAME_TYPES.data, OFFSET_BYTES + bytes.length);
  writeOffset(frame, HEADER_BYTES, offset);
  return frame;
}

export function encodeAck(total: number): ByteChunk {
  return encodeOffsetFrame(FRAME_TYPES.ack, total);
}

export function encodeFin(offset: number): ByteChunk {
  return encodeOffsetFrame(FRAME_TYPES.fin, offset);
}

export function encodeReset(code: ResumeCode): ByteChunk {
  return encodeCodeFrame(FRAME_TYPES.reset, code);
}

/** The offset at `at`. Offsets stay below 2^53, so that they are exact as numbers; undefined for one that is not. */
export function readOffset(source: Uint8Array, at: number): number | undefined {
  const offset = readUint32(source, at) * 2 ** 32 + readUint32(source, at + 4);
  return Number.isSafeInteger(offset) ? offset : undefined;
}

function writeOffset(target: Uint8Array, at: number, offset: number): void {
  writeUint32(target, at, Math.floor(offset / 2 ** 32));
  writeUint32(target, at + 4, offset % 2 ** 32);
}

function startFrame(type: number, payloadBytes: number): ByteChunk {
  const memory = allocateBytes(FRAME_HEADROOM_BYTES + HEADER_BYTES + payloadBytes);
  const frame = memory.subarray(FRAME_HEADROOM_BYTES);
  writeHead(frame, type, payloadBytes);
  return frame;
}

function writeHead(frame: Uint8Array, type: number, payloadBytes: number): void {
  frame[0] = type;
  writeUint32(frame, 1, payloadBytes);
}

function encodeOffsetFrame(type: number, offset: number): ByteChunk {
  const frame = startFrame(type, OFFSET_BYTES);
  writeOffset(frame, HEADER_BYTES, offset);
  return frame;
}

function encodeCodeFrame(type: number, code: ResumeCode): ByteChunk {
  const frame = startFrame(type, CODE_PAYLOAD_BYTES);
  frame[HEADER_BYTES] = RESUME_CODES[code].number >>> 8;
  frame[HEADER_BYTES + 1] = RESUME_CODES[code].number;
  return frame;
}
