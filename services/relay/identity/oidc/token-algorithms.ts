// Token algorithms: those that a token may be signed with. All are asymmetric: the key that verifies cannot sign.

/** RFC 7518 section 3.1, RFC 8037 and RFC 9864. Neither `none`, nor HMAC: an issuer's keys are public. */
export const TOKEN_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

/** `alg` of a token, if it is one that counts. */
export function tokenAlgorithmOf(alg: unknown): TokenAlgorithm | undefined {
  return TOKEN_ALGORITHMS.find((known) => known === alg);
}
