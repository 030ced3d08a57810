// The primitives of a library, for browsers that have none of their own: loaded and compiled when one is asked for.
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import type { ExchangePrimitives } from './primitives.ts';

export const LIBRARY_PRIMITIVES: ExchangePrimitives = {
  async makeX25519() {
    const pair = x25519.keygen();
    return {
      share: pair.publicKey,
      secretFrom: async (answer) => x25519.getSharedSecret(pair.secretKey, answer),
    };
  },
  async makeMlkem768() {
    const pair = ml_kem768.keygen();
    return {
      share: pair.publicKey,
      secretFrom: async (answer) => ml_kem768.decapsulate(answer, pair.secretKey),
    };
  },
  async verifyEd25519(signature, data, publicKey) {
    try {
      return ed25519.verify(signature, data, publicKey, { zip215: false });
    } catch {
      return false;
    }
  },
};
