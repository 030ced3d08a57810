// The check of tokens: whether a token is genuine, of an issuer that a rule names, in time, and for this relay.
//
// What costs little comes first: nobody makes the relay verify a signature, or ask an issuer, with a token that would be
// refused in any case. What jose then says of it decides.
import { errors, jwtVerify } from 'jose';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { CiTokenCheck, Claims, IdentityVerdict, JsonWebKeys, TrustedIssuer } from '../identity.ts';
import { IssuerKeys, type IssuerKeysOptions, type KeyAnswer } from './issuer-keys.ts';
import { readIssuerToken, type UnverifiedToken } from './issuer-token.ts';
import { KeySet } from './key-set.ts';
import { TOKEN_ALGORITHMS, type TokenAlgorithm, tokenAlgorithmOf } from './token-algorithms.ts';
import { ISSUER_SKEW_MS, timeFaultOf } from './token-times.ts';

/** As much of a token's own text as a refusal repeats, in characters. */
const SHOWN_CHARACTERS = 120;

type Refused = Extract<IdentityVerdict, { kind: 'refused' }>;

/** Options of `IssuerKeys`: what an issuer is asked with, and who hears of it. */
export type TokenCheckOptions = IssuerKeysOptions;

export class TokenCheck implements CiTokenCheck {
  readonly #options: TokenCheckOptions;
  readonly #clock: Clock;
  /** By URL; those of the policy at hand. */
  readonly #discovered = new Map<string, IssuerKeys>();
  readonly #given = new WeakMap<JsonWebKeys, { readonly keys: KeySet | undefined }>();

  constructor(options: TokenCheckOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  /** Never rejects. */
  async verify(text: string, issuers: readonly TrustedIssuer[]): Promise<IdentityVerdict> {
    const reading = readIssuerToken(text);
    if (reading.kind === 'malformed') return refused('token_malformed', reading.fault);
    const { token } = reading;
    const { claims } = token;
    const algorithm = tokenAlgorithmOf(token.algorithm);
    if (algorithm === undefined) {
      const known = TOKEN_ALGORITHMS.join(', ');
      return refused(
        'token_bad_algorithm',
        `is signed with ${shown(token.algorithm)}, and not with one of ${known}`,
      );
    }
    const issuer = issuers.find(({ url }) => url === claims['iss']);
    if (issuer === undefined)
      return refused('token_unknown_issuer', `is of the issuer ${shown(claims['iss'])}, which no rule names`);
    if (!isOnly(claims['aud'], issuer.audience)) {
      const fault = `is for the audience ${shown(claims['aud'])}: ask the CI system for one that is for ${issuer.audience} alone`;
      return refused('token_wrong_audience', fault);
    }
    const timeFault = timeFaultOf(claims, this.#clock.wallTime());
    if (timeFault !== undefined) return refused(timeFault.code, timeFault.fault);
    const answer = await this.#find(token, algorithm, issuer, issuers);
    if (answer.kind !== 'found') return withoutKey(token, issuer, answer);
    const key = await answer.key.for(algorithm);
    return key === undefined
      ? withoutKey(token, issuer, { kind: 'unknown', retryMs: 0 })
      : this.#verifyWith(key, token, algorithm, issuer);
  }

  async #find(
    { keyId }: UnverifiedToken,
    algorithm: TokenAlgorithm,
    { keys, url }: TrustedIssuer,
    issuers: readonly TrustedIssuer[],
  ): Promise<KeyAnswer> {
    if (keys.kind === 'discovered') return this.#keysOf(url, issuers).find(keyId, algorithm);
    const given = this.#given.get(keys.jwks) ?? { keys: KeySet.from(keys.jwks) };
    this.#given.set(keys.jwks, given);
    const key = given.keys?.find(keyId, algorithm);
    return key === undefined ? UNKNOWN : { kind: 'found', key };
  }

  #keysOf(url: string, issuers: readonly TrustedIssuer[]): IssuerKeys {
    const known = this.#discovered.get(url);
    if (known !== undefined) return known;
    // Those that a policy of before has named are not needed any more.
    for (const old of this.#discovered.keys())
      if (!issuers.some((issuer) => issuer.url === old)) this.#discovered.delete(old);
    const keys = new IssuerKeys(url, this.#options);
    this.#discovered.set(url, keys);
    return keys;
  }

  async #verifyWith(
    key: Parameters<typeof jwtVerify>[1],
    { text }: UnverifiedToken,
    algorithm: TokenAlgorithm,
    { url, audience }: TrustedIssuer,
  ): Promise<IdentityVerdict> {
    try {
      const { payload } = await jwtVerify(text, key, {
        algorithms: [algorithm],
        issuer: url,
        audience,
        clockTolerance: ISSUER_SKEW_MS / 1_000,
        currentDate: new Date(this.#clock.wallTime()),
        requiredClaims: ['exp', 'iat'],
      });
      // Without a prototype: there is no claim `constructor` but the issuer's own.
      const claims: Claims = Object.assign(Object.create(null) as object, payload as Claims);
      return { kind: 'verified', identity: { kind: 'oidc', issuer: url, claims } };
    } catch (error) {
      return refusedBy(error);
    }
  }
}

const UNKNOWN: KeyAnswer = { kind: 'unknown', retryMs: 0 };

/** The audience and no other: a token that is for somebody else too can be shown here by that one. */
function isOnly(aud: unknown, audience: string): boolean {
  return aud === audience || (Array.isArray(aud) && aud.length === 1 && aud[0] === audience);
}

function withoutKey(
  { keyId }: UnverifiedToken,
  { url }: TrustedIssuer,
  { kind, retryMs }: Exclude<KeyAnswer, { kind: 'found' }>,
): Refused {
  const soon = `try again in ${Math.max(1, Math.ceil(retryMs / 1_000))} s`;
  if (kind === 'unavailable') {
    const message = `this relay cannot get the keys of ${url} at the moment, and its log says why: ${soon}`;
    return { kind: 'refused', code: 'issuer_unavailable', message };
  }
  const which = keyId === undefined ? 'no key (kid)' : `the key ${shown(keyId)}`;
  const hint = retryMs > 0 ? `; if the key is new, ${soon}` : '';
  return refused('token_unknown_key', `names ${which}, and ${url} has no such key for its algorithm${hint}`);
}

/** What jose has against a token that has come so far. */
function refusedBy(error: unknown): Refused {
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return refused('token_bad_signature', 'is not what its issuer has signed');
  if (error instanceof errors.JWTExpired) return refused('token_expired', 'has expired');
  if (error instanceof errors.JWTClaimValidationFailed)
    return refused('token_bad_claims', `has a claim ${shown(error.claim)} that does not count`);
  return refused('token_malformed', 'is no JWT that can be verified');
}

/** `fault` reads on after "the token". */
function refused(code: RefusalCode, fault: string): Refused {
  return { kind: 'refused', code, message: `the token ${fault}` };
}

/** A value of the token, which may be anything. */
function shown(value: unknown): string {
  if (value === undefined) return '(none)';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return new Untrusted(text).printable(SHOWN_CHARACTERS);
}
