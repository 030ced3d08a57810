// Frames as a test writes them, byte by byte (RFC 6455 section 5.2): also such as no library would send.

export interface RawFrame {
  /** 0x2 by default. */
  readonly opcode?: number;
  readonly payload: Buffer;
  /** Left out: the frame is not masked. */
  readonly mask?: Buffer | undefined;
  /** True by default. */
  readonly isFinal?: boolean;
  /** Sent as a longer form of the length than needed, in bytes. */
  readonly lengthBytes?: 0 | 2 | 8;
}

/** The bytes of one frame. */
export function rawFrame({ opcode = 0x2, payload, mask, isFinal = true, lengthBytes }: RawFrame): Buffer {
  const { length } = payload;
  const extra = lengthBytes ?? (length < 126 ? 0 : length < 0x10000 ? 2 : 8);
  const head = Buffer.alloc(2 + extra);
  head[0] = (isFinal ? 0x80 : 0) | opcode;
  head[1] = (mask === undefined ? 0 : 0x80) | (extra === 0 ? length : extra === 2 ? 126 : 127);
  if (extra === 2) head.writeUInt16BE(length, 2);
  if (extra === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (mask === undefined) return Buffer.concat([head, payload]);
  const masked = Buffer.from(payload);
  for (let at = 0; at < length; at += 1) masked[at] = (masked[at] ?? 0) ^ (mask[at % 4] ?? 0);
  return Buffer.concat([head, mask, masked]);
}
