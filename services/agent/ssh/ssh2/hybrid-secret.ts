// The server's half of mlkem768x25519-sha256 (RFC 10042): ML-KEM-768 and X25519, and one secret out of both.
import { createHash, createPublicKey, diffieHellman, encapsulate, generateKeyPairSync } from 'node:crypto';

/** FIPS 203, table 3: an encapsulation key of ML-KEM-768. */
const KEM_KEY_BYTES = 1184;
/** RFC 7748 section 5. */
const X25519_KEY_BYTES = 32;

/** What the server answers, and what both sides know then. */
export interface HybridAnswer {
  /** The ciphertext of ML-KEM, 1,088 bytes, and a key of X25519 that is used for this once. */
  readonly reply: Buffer;
  /** 32 bytes, to be encoded as a string wherever other methods have an mpint. */
  readonly secret: Buffer;
}

/**
 * Answers `offer`, the two public keys of a client one after the other.
 * @throws Error when it has another length, when the key of ML-KEM has a number that is not reduced (FIPS 203 section 7.2), and
 * when X25519 gives zeros alone, as it does for points of low order (RFC 7748 section 6.1). The checks of numbers and points are
 * OpenSSL's.
 */
export function answerHybrid(offer: Buffer): HybridAnswer {
  if (offer.length !== KEM_KEY_BYTES + X25519_KEY_BYTES) {
    throw new Error(`the client's keys have ${offer.length} bytes`);
  }
  const kemKey = offer.toString('base64url', 0, KEM_KEY_BYTES);
  const point = offer.toString('base64url', KEM_KEY_BYTES);
  const { ciphertext, sharedKey } = encapsulate(
    createPublicKey({ key: { kty: 'AKP', alg: 'ML-KEM-768', pub: kemKey }, format: 'jwk' }),
  );
  const own = generateKeyPairSync('x25519');
  const agreed = diffieHellman({
    privateKey: own.privateKey,
    publicKey: createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: point }, format: 'jwk' }),
  });
  const { x = '' } = own.publicKey.export({ format: 'jwk' });
  return {
    reply: Buffer.concat([ciphertext, Buffer.from(x, 'base64url')]),
    secret: createHash('sha256').update(sharedKey).update(agreed).digest(),
  };
}
