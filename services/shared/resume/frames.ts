// The resume protocol: its flow, its frames, and the encoder of each.
//
// It runs between a client program and an agent, below SSH and above a transport (a WebSocket, a hop, or several
// one after the other). A transport may be lost at any byte; the session goes on over the next one.
//
//   client                                  agent
//     OPEN(new, id, 0)                ->                  first on every transport
//                                     <-    OPENED(0, window)
//                                           or REFUSED(code), and the transport is closed
//     DATA, ACK, FIN                 <->    DATA, ACK, FIN
//        ~ the transport is lost; the client dials again ~
//     OPEN(resume, id, received)      ->
//                                     <-    OPENED(received, window)
//     DATA from what the agent lacks <->    DATA from what the client lacks
//
// - Every direction is one sequence of bytes, counted from 0. DATA and FIN carry the offset of their first byte:
//   it must be the next one expected, so a frame that is doubled, lost or out of order ends the session instead
//   of corrupting it.
// - FIN closes a direction. It takes one place in the sequence, like TCP's (RFC 9293 section 3.4), so that it
//   is acknowledged and sent again exactly like data.
// - ACK(total) counts what the receiver's local side took, not what arrived: it is the flow control too. A sender
//   stops at REPLAY_LIMIT_BYTES unacknowledged. It never falls, and is at most what was sent.
// - `received` in OPEN and OPENED counts what arrived, buffered bytes included: the peer sends on from there.
// - `window` in OPENED is how long the agent keeps the session without a transport; so long does the client dial.
// - There is no half-close: an end that gets FIN gives what it holds to its local side, then sends FIN itself.
//   An end is finished when it took the peer's FIN and its own is acknowledged.
// - OPEN(new) may be repeated with the same id until the client has sent its first frame after OPENED: a client
//   whose OPENED got lost cannot know that the session exists.
// - RESET(code) ends the session from either side at once.
//
// A frame is `type u8, length u32, payload`; integers are big-endian; a payload has at most 64 KiB. The payloads of OPEN
// and OPENED may be longer than here: what follows is of a later version, and ignored.
//
// OPEN names the version of the client, and the agent answers in that. One that it does not speak it refuses with
// bad_version, and the client opens again with the oldest.
//   1   the first
//   2   OPENED has a window; before, the client took the agent's to be RESUME_WINDOW_MS
import { RESUME_CODES, type ResumeCode } from './codes.ts';

export const FRAME_TYPES = { open: 1, opened: 2, refused: 3, data: 4, ack: 5, fin: 6, reset: 7 } as const;

export type ProtocolVersion = 1 | 2;
export const RESUME_VERSION: ProtocolVersion = 2;
export const OLDEST_VERSION: ProtocolVersion = 1;
export const OPEN_MAGIC = 'CVRS';
export const SESSION_ID_BYTES = 16;

/** Free bytes before every frame that is made here, for the header of what carries it (a WebSocket's is the longest). */
export const FRAME_HEADROOM_BYTES = 14;

/** Type and length. */
export const HEADER_BYTES = 5;
export const OFFSET_BYTES = 8;
/** What precedes the bytes of a DATA frame. */
export const DATA_HEAD_BYTES = HEADER_BYTES + OFFSET_BYTES;
/** Free bytes before a chunk that can become a DATA frame where it lies. */
export const DATA_HEADROOM_BYTES = FRAME_HEADROOM_BYTES + DATA_HEAD_BYTES;
/** magic, version, session id, mode, received. */
export const OPEN_PAYLOAD_BYTES = OPEN_MAGIC.length + 1 + SESSION_ID_BYTES + 1 + OFFSET_BYTES;
/** Whole seconds, of version 2. */
export const WINDOW_BYTES = 4;
/** received, window. */
export const OPENED_PAYLOAD_BYTES = OFFSET_BYTES + WINDOW_BYTES;
/** Of OPEN and OPENED, those of later versions included. */
export const LONGEST_OPENING_PAYLOAD_BYTES = 64;
export const CODE_PAYLOAD_BYTES = 2;

export type OpenMode = 'new' | 'resume';
export const OPEN_MODES = { new: 0, resume: 1 } as const satisfies Record<OpenMode, number>;

export interface OpenFrame {
  readonly version: ProtocolVersion;
  readonly sessionId: Buffer;
  readonly mode: OpenMode;
  readonly received: number;
}

export interface OpenedFrame {
  readonly received: number;
  /** In milliseconds; undefined from and for an end of version 1. */
  readonly resumeWindowMs?: number;
}

export function encodeOpen(open: OpenFrame): Buffer {
  const frame = startFrame(FRAME_TYPES.open, OPEN_PAYLOAD_BYTES);
  let at = HEADER_BYTES + frame.write(OPEN_MAGIC, HEADER_BYTES, 'latin1');
  at = frame.writeUInt8(open.version, at);
  at += open.sessionId.copy(frame, at, 0, SESSION_ID_BYTES);
  at = frame.writeUInt8(OPEN_MODES[open.mode], at);
  writeOffset(frame, at, open.received);
  return frame;
}

export function encodeOpened({ received, resumeWindowMs }: OpenedFrame): Buffer {
  if (resumeWindowMs === undefined) return encodeOffsetFrame(FRAME_TYPES.opened, received);
  const frame = startFrame(FRAME_TYPES.opened, OPENED_PAYLOAD_BYTES);
  writeOffset(frame, HEADER_BYTES, received);
  frame.writeUInt32BE(Math.ceil(resumeWindowMs / 1_000), HEADER_BYTES + OFFSET_BYTES);
  return frame;
}

export function encodeRefused(code: ResumeCode): Buffer {
  return encodeCodeFrame(FRAME_TYPES.refused, code);
}

/** Copies `bytes` behind their head: one buffer per frame, kept as it is until it is acknowledged. */
export function encodeData(offset: number, bytes: Buffer): Buffer {
  const frame = startFrame(FRAME_TYPES.data, OFFSET_BYTES + bytes.length);
  writeOffset(frame, HEADER_BYTES, offset);
  bytes.copy(frame, DATA_HEAD_BYTES);
  return frame;
}

/** As `encodeData`, where `bytes` lie: the DATA_HEADROOM_BYTES before them become their head and its headroom. */
export function encodeDataInPlace(offset: number, bytes: Buffer): Buffer {
  const start = bytes.byteOffset - DATA_HEAD_BYTES;
  const frame = Buffer.from(bytes.buffer, start, DATA_HEAD_BYTES + bytes.length);
  writeHead(frame, FRAME_TYPES.data, OFFSET_BYTES + bytes.length);
  writeOffset(frame, HEADER_BYTES, offset);
  return frame;
}

export function encodeAck(total: number): Buffer {
  return encodeOffsetFrame(FRAME_TYPES.ack, total);
}

export function encodeFin(offset: number): Buffer {
  return encodeOffsetFrame(FRAME_TYPES.fin, offset);
}

export function encodeReset(code: ResumeCode): Buffer {
  return encodeCodeFrame(FRAME_TYPES.reset, code);
}

/** Offsets stay below 2^53, so that they are exact as numbers: 9 petabytes in one session. */
export function writeOffset(target: Buffer, at: number, offset: number): void {
  target.writeUInt32BE(Math.floor(offset / 2 ** 32), at);
  target.writeUInt32BE(offset % 2 ** 32, at + 4);
}

/** The offset at `at`, or undefined when it is not below 2^53. */
export function readOffset(source: Buffer, at: number): number | undefined {
  const offset = source.readUInt32BE(at) * 2 ** 32 + source.readUInt32BE(at + 4);
  return Number.isSafeInteger(offset) ? offset : undefined;
}

function startFrame(type: number, payloadBytes: number): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADROOM_BYTES + HEADER_BYTES + payloadBytes).subarray(
    FRAME_HEADROOM_BYTES,
  );
  writeHead(frame, type, payloadBytes);
  return frame;
}

function writeHead(frame: Buffer, type: number, payloadBytes: number): void {
  frame.writeUInt8(type, 0);
  frame.writeUInt32BE(payloadBytes, 1);
}

function encodeOffsetFrame(type: number, offset: number): Buffer {
  const frame = startFrame(type, OFFSET_BYTES);
  writeOffset(frame, HEADER_BYTES, offset);
  return frame;
}

function encodeCodeFrame(type: number, code: ResumeCode): Buffer {
  const frame = startFrame(type, CODE_PAYLOAD_BYTES);
  frame.writeUInt16BE(RESUME_CODES[code].number, HEADER_BYTES);
  return frame;
}
