// Packet framing (RFC 4253 section 6): where a packet ends in a sequence of chunks, and packets before there are keys.
import { readUint32, writeUint32 } from '#shared/stream/byte-chunk.ts';
import { SshFault } from '../wire/ssh-fault.ts';

/** Of a whole packet without its tag, in bytes: RFC 4253 section 6.1. A channel packet of 32 KiB fits. */
export const MAX_PAGE_PACKET_BYTES = 35_000;
export const LENGTH_BYTES = 4;
/** Before there are keys, in bytes. */
export const PLAIN_BLOCK_BYTES = 8;
const MIN_PADDING_BYTES = 4;
/** Behind the length: the length of the padding, a payload of one byte, the padding. */
const MIN_BODY_BYTES = 12;

/** Cuts chunks into packets, each in one piece: a view where it lies in one chunk, else put together. */
export class PacketFraming {
  #chunks: Uint8Array[] = [];
  #waiting = 0;

  get waitingBytes(): number {
    return this.#waiting;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
  }

  /** The next packet, length and tag included; undefined: more bytes are needed. Throws on a length that cannot be. */
  next(tagBytes: number, blockBytes: number): Uint8Array | undefined {
    if (this.#waiting < LENGTH_BYTES) return undefined;
    const body = readUint32(this.#peekLength(), 0);
    // Of a sealed packet the length is authenticated, not encrypted, and stands beside the blocks.
    const inBlocks = tagBytes === 0 ? LENGTH_BYTES + body : body;
    if (body + LENGTH_BYTES > MAX_PAGE_PACKET_BYTES || body < MIN_BODY_BYTES || inBlocks % blockBytes !== 0) {
      throw new SshFault('too_big', `a packet that claims ${body} bytes`);
    }
    const whole = LENGTH_BYTES + body + tagBytes;
    return this.#waiting < whole ? undefined : this.#take(whole);
  }

  #peekLength(): Uint8Array {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= LENGTH_BYTES) return first;
    const start = new Uint8Array(LENGTH_BYTES);
    let at = 0;
    for (const chunk of this.#chunks) {
      start.set(chunk.subarray(0, LENGTH_BYTES - at), at);
      at += Math.min(chunk.length, LENGTH_BYTES - at);
    }
    return start;
  }

  #take(count: number): Uint8Array {
    this.#waiting -= count;
    const [first] = this.#chunks;
    if (first !== undefined && first.length > count) {
      this.#chunks[0] = first.subarray(count);
      return first.subarray(0, count);
    }
    const whole = new Uint8Array(count);
    let at = 0;
    let used = 0;
    while (at < count) {
      const chunk = this.#chunks[used] ?? new Uint8Array(0);
      const taken = chunk.subarray(0, count - at);
      whole.set(taken, at);
      at += taken.length;
      if (taken.length < chunk.length) this.#chunks[used] = chunk.subarray(taken.length);
      else used += 1;
    }
    this.#chunks.splice(0, used);
    return whole;
  }
}

/** The packet of a payload before there are keys. */
export function encodePlain(payload: Uint8Array): Uint8Array {
  const body = bodyOf(payload, PLAIN_BLOCK_BYTES, LENGTH_BYTES);
  const packet = new Uint8Array(LENGTH_BYTES + body.length);
  writeUint32(packet, 0, body.length);
  packet.set(body, LENGTH_BYTES);
  return packet;
}

/** The payload of such a packet, as `PacketFraming` gave it. */
export function decodePlain(packet: Uint8Array): Uint8Array {
  return payloadOf(packet.subarray(LENGTH_BYTES));
}

/** Length of the padding, payload and random padding up to whole blocks, `outside` bytes of which stand before. */
export function bodyOf(payload: Uint8Array, blockBytes: number, outside: number): Uint8Array<ArrayBuffer> {
  const shortest = outside + 1 + payload.length + MIN_PADDING_BYTES;
  const padding = Math.ceil(shortest / blockBytes) * blockBytes - shortest + MIN_PADDING_BYTES;
  const body = new Uint8Array(1 + payload.length + padding);
  body[0] = padding;
  body.set(payload, 1);
  crypto.getRandomValues(body.subarray(1 + payload.length));
  return body;
}

/** Throws unless the padding leaves a payload of one byte. */
export function payloadOf(body: Uint8Array): Uint8Array {
  const padding = body[0] ?? 0;
  const end = body.length - padding;
  if (padding < MIN_PADDING_BYTES || end < 2) throw new SshFault('malformed', 'a packet without a payload');
  return body.subarray(1, end);
}
