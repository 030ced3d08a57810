// The units of an SSH connection before encryption: identification lines, then binary packets (RFC 4253).

/** RFC 4253 section 4.2: the identification string, CR LF included. */
const MAX_IDENTIFICATION_BYTES = 255;
/** Lines before it have no limit in the RFC; OpenSSH takes 8192 bytes. Ours are for a person, so a line of text is enough. */
const MAX_LINE_BYTES = 1024;
/** RFC 4253 section 6.1: the whole packet, its length field included. */
const MAX_PACKET_BYTES = 35_000;
/** RFC 4253 section 6: without a cipher packets are padded to 8 bytes, with 4 bytes of padding or more, and 16 in all. */
const BLOCK_BYTES = 8;
const MIN_PACKET_BYTES = 16;
const MIN_PADDING_BYTES = 4;
const LENGTH_BYTES = 4;

/** The start of a buffer: a whole unit, less than one, or what no unit starts with. More bytes never change the last. */
export type Unit<Content> =
  | { readonly kind: 'whole'; readonly bytes: number; readonly content: Content }
  | { readonly kind: 'partial' }
  | { readonly kind: 'malformed'; readonly detail: string };

/** A line before the packets; `isIdentification` marks the last one, `SSH-2.0-…`. */
export interface Line {
  readonly isIdentification: boolean;
}

/** The payload of a packet: at least one byte, the message number. */
export interface Packet {
  readonly payload: Buffer;
}

/**
 * Reads the line at the start of `buffer`. Stricter than SSH clients are, and for a reason: where they disagree on what
 * ends a line, or where the identification starts, a relay could show us another conversation than it shows them.
 */
export function readIdentificationLine(buffer: Buffer): Unit<Line> {
  const at = buffer.indexOf(0x0a);
  if (at >= MAX_LINE_BYTES || (at === -1 && buffer.length >= MAX_LINE_BYTES)) {
    return { kind: 'malformed', detail: `a line before the packets is longer than ${MAX_LINE_BYTES} bytes` };
  }
  if (at === -1) return { kind: 'partial' };
  const end = at > 0 && buffer[at - 1] === 0x0d ? at - 1 : at;
  const text = buffer.toString('latin1', 0, end);
  const bytes = at + 1;
  if (text.startsWith('SSH-')) {
    const isVersion2 = /^SSH-2\.0-[\x20-\x7e]+$/.test(text) && bytes <= MAX_IDENTIFICATION_BYTES;
    if (!isVersion2) return { kind: 'malformed', detail: 'the host does not identify itself as SSH-2.0' };
    return { kind: 'whole', bytes, content: { isIdentification: true } };
  }
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text) || text.includes('SSH-')) {
    return { kind: 'malformed', detail: 'a line before the packets is not plain text' };
  }
  return { kind: 'whole', bytes, content: { isIdentification: false } };
}

/** Reads the unencrypted packet at the start of `buffer` (RFC 4253 section 6: no cipher, no MAC, no compression). */
export function readPacket(buffer: Buffer): Unit<Packet> {
  if (buffer.length < LENGTH_BYTES) return { kind: 'partial' };
  const bytes = LENGTH_BYTES + buffer.readUInt32BE(0);
  if (bytes > MAX_PACKET_BYTES || bytes < MIN_PACKET_BYTES || bytes % BLOCK_BYTES !== 0) {
    return { kind: 'malformed', detail: `a packet claims to be ${bytes} bytes long` };
  }
  if (buffer.length <= LENGTH_BYTES) return { kind: 'partial' };
  const padding = buffer.readUInt8(LENGTH_BYTES);
  const payloadBytes = bytes - LENGTH_BYTES - 1 - padding;
  if (padding < MIN_PADDING_BYTES || payloadBytes < 1) {
    return { kind: 'malformed', detail: `a packet of ${bytes} bytes claims ${padding} bytes of padding` };
  }
  if (buffer.length < bytes) return { kind: 'partial' };
  const payload = buffer.subarray(LENGTH_BYTES + 1, LENGTH_BYTES + 1 + payloadBytes);
  return { kind: 'whole', bytes, content: { payload } };
}

/** The unencrypted packet of a payload. */
export function packetOf(payload: Buffer): Buffer {
  const unpadded = LENGTH_BYTES + 1 + payload.length + MIN_PADDING_BYTES;
  const bytes = Math.max(MIN_PACKET_BYTES, Math.ceil(unpadded / BLOCK_BYTES) * BLOCK_BYTES);
  const packet = Buffer.alloc(bytes);
  packet.writeUInt32BE(bytes - LENGTH_BYTES, 0);
  packet.writeUInt8(bytes - LENGTH_BYTES - 1 - payload.length, LENGTH_BYTES);
  payload.copy(packet, LENGTH_BYTES + 1);
  return packet;
}
