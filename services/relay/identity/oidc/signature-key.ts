// Signature keys: the public keys of an issuer (JWK, RFC 7517) that tokens can be verified with.
import { type CryptoKey, importJWK, type JWK } from 'jose';
import type { JsonRecord } from '#shared/text/json-record.ts';
import type { TokenAlgorithm } from './token-algorithms.ts';

/** A shorter RSA key is not taken, in bits (RFC 7518 section 3.3). */
export const MIN_TOKEN_RSA_BITS = 2_048;

/** A longer RSA key is not taken, in bits: the work grows with the square. */
export const MAX_TOKEN_RSA_BITS = 8_192;

const RSA: readonly TokenAlgorithm[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const CURVES: ReadonlyMap<string, readonly TokenAlgorithm[]> = new Map([
  ['EC P-256', ['ES256']],
  ['EC P-384', ['ES384']],
  ['EC P-521', ['ES512']],
  ['OKP Ed25519', ['EdDSA', 'Ed25519']],
]);

export class SignatureKey {
  /** `kid`. */
  readonly keyId: string | undefined;
  /** What a token that it has signed may say. */
  readonly algorithms: readonly TokenAlgorithm[];
  readonly #jwk: JWK;
  /** By algorithm: Node's form of a key is for one algorithm only. */
  readonly #imported = new Map<TokenAlgorithm, Promise<CryptoKey | undefined>>();

  private constructor(jwk: JWK, keyId: string | undefined, algorithms: readonly TokenAlgorithm[]) {
    this.#jwk = jwk;
    this.keyId = keyId;
    this.algorithms = algorithms;
  }

  /**
   * The key of a JWK; undefined if it is for something else (to encrypt, another kind), is too short or too long, or has
   * its private half in it, which everybody has read by now. Never throws.
   */
  static from(jwk: JsonRecord): SignatureKey | undefined {
    const { use, key_ops: operations, kid, alg } = jwk;
    if (use !== undefined && use !== 'sig') return undefined;
    if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
      return undefined;
    if (jwk['d'] !== undefined || (kid !== undefined && typeof kid !== 'string')) return undefined;
    const found = publicPartOf(jwk);
    const algorithms = found?.algorithms.filter((name) => alg === undefined || alg === name) ?? [];
    return found === undefined || algorithms.length === 0
      ? undefined
      : new SignatureKey(found.jwk, kid, algorithms);
  }

  /** As jose takes it; undefined if it is no key after all: a point that is not on the curve. Never rejects. */
  for(algorithm: TokenAlgorithm): Promise<CryptoKey | undefined> {
    const known = this.#imported.get(algorithm);
    if (known !== undefined) return known;
    const imported = importJWK(this.#jwk, algorithm).then(
      (key) => (key instanceof Uint8Array ? undefined : key),
      () => undefined,
    );
    this.#imported.set(algorithm, imported);
    return imported;
  }
}

/** The members that make up the public key, and nothing else of what came. */
function publicPartOf(
  jwk: JsonRecord,
): { readonly jwk: JWK; readonly algorithms: readonly TokenAlgorithm[] } | undefined {
  const { kty, crv, n, e, x, y } = jwk;
  if (kty === 'RSA') {
    if (typeof n !== 'string' || typeof e !== 'string') return undefined;
    const bits = Buffer.from(n, 'base64url').length * 8;
    if (bits < MIN_TOKEN_RSA_BITS || bits > MAX_TOKEN_RSA_BITS) return undefined;
    return { jwk: { kty, n, e }, algorithms: RSA };
  }
  if (typeof kty !== 'string' || typeof crv !== 'string' || typeof x !== 'string') return undefined;
  const algorithms = CURVES.get(`${kty} ${crv}`);
  if (algorithms === undefined) return undefined;
  if (kty === 'OKP') return { jwk: { kty, crv, x }, algorithms };
  return typeof y === 'string' ? { jwk: { kty: 'EC', crv, x, y }, algorithms } : undefined;
}
