// Exchange keys: the hash of a key exchange, and the keys that it makes (RFC 4253 sections 7.2 and 8).
import { sha256 } from '@noble/hashes/sha2.js';
import { SshWriter } from '../wire/ssh-writer.ts';

/** Everything that both ends have seen alike, in the order of the hash. */
export interface ExchangeRecord {
  readonly clientLine: string;
  readonly hostLine: string;
  readonly clientOffer: Uint8Array;
  readonly hostOffer: Uint8Array;
  readonly hostKey: Uint8Array;
  readonly clientShare: Uint8Array;
  readonly hostShare: Uint8Array;
  /** K with its length: an mpint or a string, by the method. */
  readonly secret: Uint8Array;
}

/** H. The first of a connection is its session id. */
export function exchangeHash(record: ExchangeRecord): Uint8Array {
  const writer = new SshWriter().string(record.clientLine).string(record.hostLine);
  writer.string(record.clientOffer).string(record.hostOffer).string(record.hostKey);
  return sha256(writer.string(record.clientShare).string(record.hostShare).raw(record.secret).bytes());
}

/** One direction: AES-256 and the first nonce of GCM. */
export interface DirectionKeys {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

export interface ExchangeKeys {
  readonly toHost: DirectionKeys;
  readonly fromHost: DirectionKeys;
}

/** RFC 5647 section 7.1: fixed field of 4 bytes and counter of 8. */
const NONCE_BYTES = 12;

/** SHA-256 has as many bytes as the longest key: one round is enough for each. */
export function deriveKeys(secret: Uint8Array, hash: Uint8Array, sessionId: Uint8Array): ExchangeKeys {
  const derive = (letter: string): Uint8Array =>
    sha256(new SshWriter().raw(secret).raw(hash).byte(letter.charCodeAt(0)).raw(sessionId).bytes());
  return {
    toHost: { key: derive('C'), nonce: derive('A').subarray(0, NONCE_BYTES) },
    fromHost: { key: derive('D'), nonce: derive('B').subarray(0, NONCE_BYTES) },
  };
}
