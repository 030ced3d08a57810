// Methods of key exchange, the client's half of each: a share for the host, and the secret that its answer makes.
import { sha256 } from '@noble/hashes/sha2.js';
import { SshFault } from '../wire/ssh-fault.ts';
import { SshWriter } from '../wire/ssh-writer.ts';
import { type AgreementPair, type ExchangePrimitives, PAGE_PRIMITIVES } from './primitives.ts';

export const X25519_BYTES = 32;
/** FIPS 203, ML-KEM-768. */
export const MLKEM_CIPHERTEXT_BYTES = 1_088;

/** One exchange: used once. */
export interface KexHalf {
  /** Q_C: what is sent, and what is hashed as the client's share. */
  readonly share: Uint8Array;
  /** K as it is hashed and as keys are derived from it, with its length. Rejects with `bad_share`. */
  readonly secretFrom: (hostShare: Uint8Array) => Promise<Uint8Array>;
}

export type KexMethodName = 'mlkem768x25519-sha256' | 'curve25519-sha256';

/** Makes a half; with the page's own primitives, unless a test brings others. */
export type KexMethod = (primitives?: ExchangePrimitives) => Promise<KexHalf>;

/** In the order in which they are preferred. */
export const KEX_METHODS: Readonly<Record<KexMethodName, KexMethod>> = {
  'mlkem768x25519-sha256': makeHybridHalf,
  'curve25519-sha256': makeCurveHalf,
};

/** The first of them, which the first exchange of a connection begins with before it knows the host's. */
export const PREFERRED_METHOD: KexMethodName = 'mlkem768x25519-sha256';

/** RFC 8731: the secret is an mpint. */
async function makeCurveHalf(primitives = PAGE_PRIMITIVES): Promise<KexHalf> {
  const pair = await primitives.makeX25519();
  return {
    share: pair.share,
    async secretFrom(hostShare) {
      return new SshWriter().mpint(await agreed(pair, hostShare)).bytes();
    },
  };
}

/** RFC 10042: SHA-256 over both secrets, the post-quantum one first, is K, as a string. */
async function makeHybridHalf(primitives = PAGE_PRIMITIVES): Promise<KexHalf> {
  const [kem, curve] = await Promise.all([primitives.makeMlkem768(), primitives.makeX25519()]);
  return {
    share: new SshWriter().raw(kem.share).raw(curve.share).bytes(),
    async secretFrom(hostShare) {
      if (hostShare.length !== MLKEM_CIPHERTEXT_BYTES + X25519_BYTES) throw wrongLength(hostShare);
      const [quantum, classic] = await Promise.all([
        kem.secretFrom(hostShare.subarray(0, MLKEM_CIPHERTEXT_BYTES)),
        agreed(curve, hostShare.subarray(MLKEM_CIPHERTEXT_BYTES)),
      ]);
      return new SshWriter().string(sha256(new SshWriter().raw(quantum).raw(classic).bytes())).bytes();
    },
  };
}

/** RFC 7748 section 6.1: a share of low order would make a secret that everybody knows. */
async function agreed({ secretFrom }: AgreementPair, hostShare: Uint8Array): Promise<Uint8Array> {
  if (hostShare.length !== X25519_BYTES) throw wrongLength(hostShare);
  // Most refuse such a share themselves: the same thing.
  const shared = await secretFrom(hostShare).catch(() => undefined);
  if (shared?.some((byte) => byte !== 0) === true) return shared;
  throw new SshFault('bad_share', "the host's share of the key exchange is of low order");
}

function wrongLength({ length }: Uint8Array): SshFault {
  return new SshFault('bad_share', `the host's share of the key exchange has ${length} bytes`);
}
