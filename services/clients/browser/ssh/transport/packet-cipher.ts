// The packet cipher: aes256-gcm@openssh.com (RFC 5647, OpenSSH PROTOCOL 1.6) for one direction, by WebCrypto.
//
// Each packet has a nonce of its own, which is counted when the packet is handed in: so many may be under way at once, and
// whoever hands them in keeps them in order.
import { readUint32, writeUint32 } from '#shared/stream/byte-chunk.ts';
import type { DirectionKeys } from '../exchange/exchange-keys.ts';
import { bodyOf, LENGTH_BYTES, payloadOf } from './packet-framing.ts';

export const TAG_BYTES = 16;
export const SEALED_BLOCK_BYTES = 16;

/** Free bytes before a sealed packet: room for all headers that anybody on the way puts there. */
export const PACKET_HEADROOM_BYTES = 32;

const COUNTER_AT = 4;

/** Of WebCrypto, by whatever name the types of a page and of Node know it. */
type CipherKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

export class PacketCipher {
  readonly #key: CipherKey;
  readonly #nonce: Uint8Array;

  private constructor(key: CipherKey, nonce: Uint8Array) {
    this.#key = key;
    this.#nonce = nonce;
  }

  static async create({ key, nonce }: DirectionKeys, use: 'encrypt' | 'decrypt'): Promise<PacketCipher> {
    const raw = Uint8Array.from(key);
    const imported = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, [use]);
    raw.fill(0);
    return new PacketCipher(imported, Uint8Array.from(nonce));
  }

  /** The packet of a payload, with PACKET_HEADROOM_BYTES free bytes before it. */
  async seal(payload: Uint8Array): Promise<Uint8Array> {
    const body = bodyOf(payload, SEALED_BLOCK_BYTES, 0);
    const length = new Uint8Array(LENGTH_BYTES);
    writeUint32(length, 0, body.length);
    const sealed = await crypto.subtle.encrypt(this.#next(length), this.#key, body);
    const memory = new Uint8Array(PACKET_HEADROOM_BYTES + LENGTH_BYTES + sealed.byteLength);
    memory.set(length, PACKET_HEADROOM_BYTES);
    memory.set(new Uint8Array(sealed), PACKET_HEADROOM_BYTES + LENGTH_BYTES);
    return memory.subarray(PACKET_HEADROOM_BYTES);
  }

  /** The payload of a packet; undefined if it was altered, or is not the next one. Never rejects. */
  async open(packet: Uint8Array): Promise<Uint8Array | undefined> {
    const params = this.#next(Uint8Array.from(packet.subarray(0, LENGTH_BYTES)));
    const sealed = packet.subarray(LENGTH_BYTES) as Uint8Array<ArrayBuffer>;
    try {
      return payloadOf(new Uint8Array(await crypto.subtle.decrypt(params, this.#key, sealed)));
    } catch {
      return undefined;
    }
  }

  #next(additionalData: Uint8Array<ArrayBuffer>) {
    const iv = Uint8Array.from(this.#nonce);
    countUp(this.#nonce);
    return { name: 'AES-GCM', iv, additionalData, tagLength: TAG_BYTES * 8 };
  }
}

/** The counter is the last eight bytes; it wraps, though keys are changed long before. */
function countUp(nonce: Uint8Array): void {
  const low = readUint32(nonce, COUNTER_AT + 4);
  writeUint32(nonce, COUNTER_AT + 4, low + 1);
  if (low === 0xffffffff) writeUint32(nonce, COUNTER_AT, readUint32(nonce, COUNTER_AT) + 1);
}
