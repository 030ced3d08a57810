// A MAC: HMAC-SHA256 (RFC 2104) of one key, for texts of a few hundred bytes.
//
// Not by `createHmac`, which makes a native object for each: in a relay that sets up sessions those cost five times as much as
// the hashing, most of it in the collector of garbage. The test holds it to `createHmac`.
import { hash } from 'node:crypto';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/** Longer texts take a buffer of their own, in bytes of UTF-8. */
const USUAL_BYTES = 4_096;

export class Mac {
  /** A block of the key, and room for a text. */
  readonly #inner: Buffer;
  /** A block of the key, and room for the digest of the inner one. */
  readonly #outer: Buffer;

  /** `key`: 64 bytes at most; more would have to be hashed first, and nothing here has such keys. */
  constructor(key: Buffer) {
    this.#inner = Buffer.concat([padded(key, INNER_PAD), Buffer.alloc(USUAL_BYTES)]);
    this.#outer = Buffer.concat([padded(key, OUTER_PAD), Buffer.alloc(DIGEST_BYTES)]);
  }

  /** Of `text` in UTF-8. */
  digest(text: string, encoding: 'base64url'): string;
  digest(text: string, encoding: 'buffer'): Buffer;
  digest(text: string, encoding: 'base64url' | 'buffer'): string | Buffer {
    hash('sha256', this.#withText(text), 'buffer').copy(this.#outer, BLOCK_BYTES);
    return hash('sha256', this.#outer, encoding);
  }

  #withText(text: string): Buffer {
    const bytes = Buffer.byteLength(text);
    if (bytes > USUAL_BYTES) return Buffer.concat([this.#inner.subarray(0, BLOCK_BYTES), Buffer.from(text)]);
    this.#inner.write(text, BLOCK_BYTES);
    return this.#inner.subarray(0, BLOCK_BYTES + bytes);
  }
}

function padded(key: Buffer, pad: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: BLOCK_BYTES }, (_, at) => (key[at] ?? 0) ^ pad));
}
