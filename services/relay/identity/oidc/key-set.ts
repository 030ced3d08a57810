// Key sets: the keys that an issuer signs with at the moment (JWKS, RFC 7517 section 5).
import { type JsonRecord, recordOf } from '#shared/text/json-record.ts';
import { SignatureKey } from './signature-key.ts';
import type { TokenAlgorithm } from './token-algorithms.ts';

/** An issuer has two or three; a set with more than this is not taken. */
export const MAX_ISSUER_KEYS = 64;

export class KeySet {
  readonly #keys: readonly SignatureKey[];

  private constructor(keys: readonly SignatureKey[]) {
    this.#keys = keys;
  }

  /** The usable keys of a JWKS; undefined if it has none, has more than MAX_ISSUER_KEYS, or is no JWKS. Never throws. */
  static from(jwks: unknown): KeySet | undefined {
    const { keys } = recordOf(jwks) ?? {};
    if (!Array.isArray(keys) || keys.length > MAX_ISSUER_KEYS) return undefined;
    const usable = keys
      .map(recordOf)
      .filter((jwk): jwk is JsonRecord => jwk !== undefined)
      .map((jwk) => SignatureKey.from(jwk))
      .filter((key) => key !== undefined);
    return usable.length === 0 ? undefined : new KeySet(usable);
  }

  get size(): number {
    return this.#keys.length;
  }

  /** The key that a token names. One that names none is taken at its word only where there is no choice. */
  find(keyId: string | undefined, algorithm: TokenAlgorithm): SignatureKey | undefined {
    const fitting = this.#keys.filter(({ algorithms }) => algorithms.includes(algorithm));
    if (keyId === undefined) return fitting.length === 1 ? fitting[0] : undefined;
    return fitting.find((key) => key.keyId === keyId);
  }
}
