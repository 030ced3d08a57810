// The header of a WebSocket frame (RFC 6455 section 5.2).
import { randomBytes } from 'node:crypto';
import { unmask } from './masking.ts';

export const OPCODES = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** Maximum payload of a control frame, in bytes (section 5.5). */
export const MAX_CONTROL_PAYLOAD_BYTES = 125;

/** The longest header: two bytes, a 64-bit length, a mask. */
export const MAX_HEADER_BYTES = 14;

const MASK_BYTES = 4;
const FIN = 0x80;
const MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** How long the header of an outgoing frame is, in bytes. */
export function headerBytes(payloadBytes: number, isMasked: boolean): number {
  const length = payloadBytes < LENGTH_16 ? 2 : payloadBytes < 0x1_0000 ? 4 : 10;
  return isMasked ? length + MASK_BYTES : length;
}

/**
 * Writes the header of an unfragmented frame at `at`; its length is `headerBytes`. A masked frame gets the mask zero,
 * which leaves its payload as it is.
 */
export function writeHeader(
  target: Buffer,
  at: number,
  opcode: number,
  payloadBytes: number,
  isMasked: boolean,
): void {
  target[at] = FIN | opcode;
  const mark = isMasked ? MASKED : 0;
  let next = at + 2;
  if (payloadBytes < LENGTH_16) {
    target[at + 1] = mark | payloadBytes;
  } else if (payloadBytes < 0x1_0000) {
    target[at + 1] = mark | LENGTH_16;
    next = target.writeUInt16BE(payloadBytes, next);
  } else {
    target[at + 1] = mark | LENGTH_64;
    next = target.writeUInt32BE(Math.floor(payloadBytes / 0x1_0000_0000), next);
    next = target.writeUInt32BE(payloadBytes >>> 0, next);
  }
  if (isMasked) target.writeUInt32BE(0, next);
}

/** A whole unfragmented frame under a mask that nobody can foresee: a copy of `payload`, which stays as it is. */
export function maskFrame(opcode: number, payload: Buffer): Buffer {
  const start = headerBytes(payload.length, true);
  const frame = Buffer.allocUnsafe(start + payload.length);
  writeHeader(frame, 0, opcode, payload.length, true);
  const key = randomBytes(MASK_BYTES);
  key.copy(frame, start - MASK_BYTES);
  payload.copy(frame, start);
  unmask(frame, start, frame.length, key.readInt32BE(0), 0);
  return frame;
}
