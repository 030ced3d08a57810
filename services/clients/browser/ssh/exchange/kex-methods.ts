// Methods of key exchange, the client's half of each: a share for the host, and the secret that its answer makes.
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { SshFault } from '../wire/ssh-fault.ts';
import { SshWriter } from '../wire/ssh-writer.ts';

export const X25519_BYTES = 32;
/** FIPS 203, ML-KEM-768. */
export const MLKEM_CIPHERTEXT_BYTES = 1_088;

/** One exchange: used once. */
export interface KexHalf {
  /** Q_C: what is sent, and what is hashed as the client's share. */
  readonly share: Uint8Array;
  /** K as it is hashed and as keys are derived from it, with its length. Throws `bad_share`. */
  readonly secretFrom: (hostShare: Uint8Array) => Uint8Array;
}

export type KexMethodName = 'mlkem768x25519-sha256' | 'curve25519-sha256';

/** In the order in which they are preferred. */
export const KEX_METHODS: Readonly<Record<KexMethodName, () => KexHalf>> = {
  'mlkem768x25519-sha256': mlkemHalf,
  'curve25519-sha256': curveHalf,
};

/**
 * Does once, for nothing, what the first exchange begins with: the curves make their tables and the browser compiles, some 50 ms
 * that would else lie between two messages. To be called while a connection is under way.
 */
export function warmUpExchange(): void {
  mlkemHalf();
}

/** RFC 8731: the secret is an mpint. */
function curveHalf(): KexHalf {
  const pair = x25519.keygen();
  return {
    share: pair.publicKey,
    secretFrom(hostShare) {
      return new SshWriter().mpint(agreed(pair.secretKey, hostShare)).bytes();
    },
  };
}

/** RFC 10042: SHA-256 over both secrets, the post-quantum one first, is K, as a string. */
function mlkemHalf(): KexHalf {
  const kem = ml_kem768.keygen();
  const pair = x25519.keygen();
  return {
    share: new SshWriter().raw(kem.publicKey).raw(pair.publicKey).bytes(),
    secretFrom(hostShare) {
      if (hostShare.length !== MLKEM_CIPHERTEXT_BYTES + X25519_BYTES) {
        throw new SshFault('bad_share', `the host's share of the key exchange has ${hostShare.length} bytes`);
      }
      const quantum = ml_kem768.decapsulate(hostShare.subarray(0, MLKEM_CIPHERTEXT_BYTES), kem.secretKey);
      const classic = agreed(pair.secretKey, hostShare.subarray(MLKEM_CIPHERTEXT_BYTES));
      return new SshWriter().string(sha256(new SshWriter().raw(quantum).raw(classic).bytes())).bytes();
    },
  };
}

/** RFC 7748 section 6.1: a share of low order would make a secret that everybody knows. */
function agreed(secret: Uint8Array, hostShare: Uint8Array): Uint8Array {
  if (hostShare.length !== X25519_BYTES) {
    throw new SshFault('bad_share', `the host's share of the key exchange has ${hostShare.length} bytes`);
  }
  try {
    const shared = x25519.getSharedSecret(secret, hostShare);
    if (shared.some((byte) => byte !== 0)) return shared;
  } catch {
    // Refused by the curve itself: the same thing.
  }
  throw new SshFault('bad_share', "the host's share of the key exchange is of low order");
}

/** Strict (RFC 8032): neither key nor signature in a form that another library would refuse. */
export function verifyEd25519(signature: Uint8Array, data: Uint8Array, publicKey: Uint8Array): boolean {
  try {
    return ed25519.verify(signature, data, publicKey, { zip215: false });
  } catch {
    return false;
  }
}
