// Tokens of issuers: a good one counts, and every bad one is refused with its own code, before it costs more than it must.
import { createHmac, type KeyObject, sign } from 'node:crypto';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { IdentityVerdict, TrustedIssuer } from '../../../../../services/relay/identity/identity.ts';
import { issuerGet } from '../../../../../services/relay/identity/oidc/issuer-get.ts';
import { MAX_TOKEN_CHARACTERS } from '../../../../../services/relay/identity/oidc/issuer-token.ts';
import { TokenCheck } from '../../../../../services/relay/identity/oidc/token-check.ts';
import { ISSUER_SKEW_MS, MAX_TOKEN_AGE_MS } from '../../../../../services/relay/identity/oidc/token-times.ts';
import { MAX_REFUSAL_BYTES, type RefusalCode } from '../../../../../services/shared/protocol/refusals.ts';
import { printable } from '../../../../../services/shared/text/printable.ts';
import { handMadeToken, makeIssuerKey, part, TestIssuer } from '../../../../support/relay/test-issuer.ts';
import { ManualClock } from '../../../../support/time/manual-clock.ts';

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('');
const NOW_S = 1_800_000_000;
const AUDIENCE = 'https://converge.example.com';
const OWN = { aud: AUDIENCE, repository: 'acme/app', run_id: '7' };

const RSA = makeIssuerKey('rsa', 'RS256');
const EC = makeIssuerKey('ec', 'ES256');
const ED = makeIssuerKey('ed', 'EdDSA');
/** Of somebody else, under the ID of a key of ours. */
const FORGED = makeIssuerKey('ec', 'ES256');

let issuer: TestIssuer;
let trusted: TrustedIssuer;
let check: TokenCheck;

beforeAll(async () => {
  issuer = await TestIssuer.start([EC, RSA, ED]);
  issuer.wallTime = () => NOW_S * 1_000;
  trusted = { url: issuer.url, audience: AUDIENCE, keys: { kind: 'discovered' } };
  check = new TokenCheck({
    clock: new ManualClock(NOW_S * 1_000),
    get: issuerGet({}),
    recorder: { keysFetched: () => undefined },
    log: { warn: () => undefined },
  });
});
afterAll(async () => issuer[Symbol.asyncDispose]());

function verify(token: string, issuers: readonly TrustedIssuer[] = [trusted]): Promise<IdentityVerdict> {
  return check.verify(token, issuers);
}

/** The code and the message of a refusal. */
async function refusalOf(token: string): Promise<{ code: RefusalCode; message: string }> {
  const verdict = await verify(token);
  if (verdict.kind !== 'refused') throw new Error('the token was taken');
  return verdict;
}

/** A token of the issuer with any header and payload, signed by its EC key. */
function signedByHand(header: unknown, payload: unknown): string {
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${ecSignature(input, EC.privateKey)}`;
}

function ecSignature(input: string, key: KeyObject): string {
  return sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
}

function times(exp: unknown, iat: unknown = NOW_S, nbf?: unknown): Record<string, unknown> {
  return { iss: issuer.url, ...OWN, exp, iat, ...(nbf === undefined ? {} : { nbf }) };
}

const HEADER = { alg: 'ES256', kid: 'ec' };

test.each([RSA, EC, ED])(
  'a token by a key of its issuer counts, with the claims that it has: $algorithm',
  async (key) => {
    const verdict = await verify(await issuer.sign(OWN, key));
    expect(verdict).toEqual({
      kind: 'verified',
      identity: {
        kind: 'oidc',
        issuer: issuer.url,
        claims: { iss: issuer.url, iat: NOW_S, nbf: NOW_S, exp: NOW_S + 600, ...OWN },
      },
    });
  },
);

test('a token counts that says its audience as a list of one, has no nbf, and is of another clock', async () => {
  const early = NOW_S + ISSUER_SKEW_MS / 1_000;
  const late = NOW_S - ISSUER_SKEW_MS / 1_000 + 1;
  expect(await verify(await issuer.sign({ ...OWN, aud: [AUDIENCE] }))).toHaveProperty('kind', 'verified');
  expect(await verify(signedByHand(HEADER, times(NOW_S + 9)))).toHaveProperty('kind', 'verified');
  expect(await verify(signedByHand(HEADER, times(early + 9, early, early)))).toHaveProperty(
    'kind',
    'verified',
  );
  expect(await verify(signedByHand(HEADER, times(late, late - 9)))).toHaveProperty('kind', 'verified');
});

test('a claim of the prototype is no claim', async () => {
  const verdict = await verify(
    signedByHand(HEADER, `{"__proto__":{"repository":"x"},${JSON.stringify(times(NOW_S + 9)).slice(1)}`),
  );
  if (verdict.kind !== 'verified' || verdict.identity.kind !== 'oidc') throw new Error('refused');
  const { claims } = verdict.identity;
  expect(Object.getPrototypeOf(claims)).toBeNull();
  expect(claims['constructor']).toBeUndefined();
  expect(claims['repository']).toBe('acme/app');
});

test.each([
  ['nothing', ''],
  ['no JWT', 'secret'],
  ['two parts', 'e30.e30'],
  ['four parts', 'e30.e30.e30.e30'],
  ['a part that is not base64url', 'e30.e+30.e30'],
  ['bits behind the last byte', 'e31.e30.e30'],
  ['a header that is no object', `${part('[]')}.e30.AA`],
  ['a payload that is no JSON', `${part(HEADER)}.${part('{')}.AA`],
  ['a payload that is null', `${part(HEADER)}.${part('null')}.AA`],
  ['a key ID that is a number', handMadeToken({ alg: 'ES256', kid: 7 }, {}, 'AA')],
  ['too long', `e30.${'A'.repeat(MAX_TOKEN_CHARACTERS)}.AA`],
])('malformed: %s', async (_what, token) => {
  expect(await refusalOf(token)).toHaveProperty('code', 'token_malformed');
});

test('an extension of the header that must be understood is not', async () => {
  const token = signedByHand({ ...HEADER, crit: ['b64'], b64: false }, times(NOW_S + 9));
  expect(await refusalOf(token)).toHaveProperty('code', 'token_malformed');
});

test.each(['none', 'None', 'HS256', 'HS512', 'RS1', 'ES256K', 'dir', '', 7, null, ['ES256'], undefined])(
  'the algorithm %j does not count',
  async (alg) => {
    const token = handMadeToken({ alg, kid: 'ec' }, times(NOW_S + 9), '');
    expect(await refusalOf(token)).toHaveProperty('code', 'token_bad_algorithm');
  },
);

test('HMAC with the public key is no signature, whatever the header says of it', async () => {
  const secret = RSA.publicKey.export({ type: 'spki', format: 'pem' });
  const input = `${part({ alg: 'HS256', kid: 'rsa' })}.${part(times(NOW_S + 9))}`;
  const mac = createHmac('sha256', secret).update(input).digest('base64url');
  expect(await refusalOf(`${input}.${mac}`)).toHaveProperty('code', 'token_bad_algorithm');
  const renamed = `${part({ alg: 'RS256', kid: 'rsa' })}.${part(times(NOW_S + 9))}`;
  const again = createHmac('sha256', secret).update(renamed).digest('base64url');
  expect(await refusalOf(`${renamed}.${again}`)).toHaveProperty('code', 'token_bad_signature');
});

test('a key serves its own algorithm only, and a token that names no key has to leave no choice', async () => {
  const swapped = signedByHand({ alg: 'ES256', kid: 'rsa' }, times(NOW_S + 9));
  expect(await refusalOf(swapped)).toHaveProperty('code', 'token_unknown_key');
  const unnamed = signedByHand({ alg: 'ES256' }, times(NOW_S + 9));
  expect(await verify(unnamed)).toHaveProperty('kind', 'verified');
  const twice = { kind: 'given', jwks: { keys: [EC.jwk, makeIssuerKey('other').jwk] } } as const;
  expect(await verify(unnamed, [{ ...trusted, keys: twice }])).toHaveProperty('code', 'token_unknown_key');
});

test.each(['https://token.actions.githubusercontent.com', 'http://127.0.0.1', '', 7, null, [], undefined])(
  'the issuer %j is in no rule',
  async (iss) => {
    const token = await issuer.sign({ ...OWN, iss });
    expect(await refusalOf(token)).toHaveProperty('code', 'token_unknown_issuer');
  },
);

test('an issuer is one by its whole name: neither a slash more nor its capitals are it', async () => {
  for (const iss of [`${issuer.url}/`, issuer.url.toUpperCase(), ` ${issuer.url}`])
    expect(await refusalOf(await issuer.sign({ ...OWN, iss }))).toHaveProperty(
      'code',
      'token_unknown_issuer',
    );
});

test.each([
  'https://other.example.com',
  `${AUDIENCE}/`,
  AUDIENCE.toUpperCase(),
  '*',
  '',
  7,
  null,
  [],
  [AUDIENCE, 'https://other.example.com'],
  [AUDIENCE, AUDIENCE],
  [[AUDIENCE]],
  { [AUDIENCE]: true },
  undefined,
])('the audience %j is not only this relay', async (aud) => {
  expect(await refusalOf(await issuer.sign({ ...OWN, aud }))).toHaveProperty('code', 'token_wrong_audience');
});

const SKEW_S = ISSUER_SKEW_MS / 1_000;
test.each<[string, unknown, unknown, unknown, RefusalCode]>([
  ['expired', NOW_S - SKEW_S, NOW_S - 600, undefined, 'token_expired'],
  ['expired long ago', 0, 0, 0, 'token_expired'],
  ['expired before all time', -1e300, -1e300, undefined, 'token_expired'],
  ['too old', NOW_S + 9, NOW_S - SKEW_S - MAX_TOKEN_AGE_MS / 1_000, undefined, 'token_expired'],
  ['not yet valid', NOW_S + 999, NOW_S, NOW_S + SKEW_S + 1, 'token_not_yet_valid'],
  ['issued in the future', NOW_S + 999, NOW_S + SKEW_S + 1, NOW_S, 'token_not_yet_valid'],
  ['issued at the end of time', 1e300, 1e300, undefined, 'token_not_yet_valid'],
  ['an end that is a text', String(NOW_S + 9), NOW_S, undefined, 'token_bad_claims'],
  ['no end', undefined, NOW_S, undefined, 'token_bad_claims'],
  ['no beginning', NOW_S + 9, null, undefined, 'token_bad_claims'],
  ['a list as the beginning', NOW_S + 9, NOW_S, [NOW_S], 'token_bad_claims'],
])('times: %s', async (_what, exp, iat, nbf, code) => {
  expect(await refusalOf(signedByHand(HEADER, times(exp, iat, nbf)))).toHaveProperty('code', code);
});

test('an end beyond all numbers is none: JSON can write it', async () => {
  const payload = JSON.stringify(times(NOW_S + 9)).replace(`"exp":${NOW_S + 9}`, '"exp":1e999');
  expect(await refusalOf(signedByHand(HEADER, payload))).toHaveProperty('code', 'token_bad_claims');
});

test('a signature by somebody else, or over something else, is none', async () => {
  const good = await issuer.sign(OWN, EC);
  expect(await refusalOf(await issuer.sign(OWN, FORGED))).toHaveProperty('code', 'token_bad_signature');
  const [head = '', , signature = ''] = good.split('.');
  const other = part({ ...times(NOW_S + 600, NOW_S, NOW_S), repository: 'evil/app' });
  expect(await refusalOf(`${head}.${other}.${signature}`)).toHaveProperty('code', 'token_bad_signature');
  for (const bytes of [0, 1, 63, 65, 512])
    expect(
      await refusalOf(`${good.slice(0, good.lastIndexOf('.'))}.${Buffer.alloc(bytes).toString('base64url')}`),
    ).toHaveProperty('code', 'token_bad_signature');
});

test('what does not count anyway costs no question to the issuer and no signature', async () => {
  await using asked = await TestIssuer.start();
  const other = { ...trusted, url: asked.url };
  const base = { iss: asked.url, iat: NOW_S, exp: NOW_S + 9 };
  for (const claims of [
    { ...base, aud: 'x' },
    { ...base, aud: AUDIENCE, exp: 0 },
    { ...base, iss: 'x' },
  ])
    expect(await verify(handMadeToken(HEADER, claims, 'AA'), [other])).toHaveProperty('kind', 'refused');
  expect(
    await verify(handMadeToken({ alg: 'none' }, { ...base, aud: AUDIENCE }, ''), [other]),
  ).toHaveProperty('code', 'token_bad_algorithm');
  expect(asked.asked).toEqual([]);
});

test('keys that are given need no issuer, and unknown ones are not asked for', async () => {
  await using away = await TestIssuer.start();
  const keys = { kind: 'given', jwks: { keys: [EC.jwk] } } as const;
  const given = { url: away.url, audience: AUDIENCE, keys };
  away.wallTime = () => NOW_S * 1_000;
  expect(await verify(await away.sign(OWN, EC), [given])).toHaveProperty('kind', 'verified');
  expect(await verify(await away.sign(OWN, RSA), [given])).toHaveProperty('code', 'token_unknown_key');
  expect(away.asked).toEqual([]);
});

test.each([
  ['of HMAC', { kty: 'oct', k: 'c2VjcmV0', kid: 'ec' }],
  ['to encrypt', { ...EC.jwk, use: 'enc' }],
  ['to sign', { ...EC.jwk, key_ops: ['sign'] }],
  ['with its private half', { ...EC.privateKey.export({ format: 'jwk' }), kid: 'ec' }],
  ['of another curve', { ...EC.jwk, crv: 'secp256k1' }],
  ['of another algorithm', { ...EC.jwk, alg: 'ES384' }],
  ['that is no point of its curve', { ...EC.jwk, y: EC.jwk['x'] }],
  ['of an RSA that is too short', { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'ec' }],
  ['without members', { kid: 'ec' }],
])('a key %s does not count', async (_what, jwk) => {
  const given = { ...trusted, keys: { kind: 'given', jwks: { keys: [jwk] } } as const };
  expect(await verify(await issuer.sign(OWN, EC), [given])).toHaveProperty('code', 'token_unknown_key');
});

test('a refusal shows what the token says in a form that can be shown, and fits its answer', async () => {
  const nasty = `\u{1b}[31m::set-env name=X::${'\n##[error]'.repeat(200)}`;
  for (const claims of [
    { ...OWN, iss: nasty },
    { ...OWN, aud: nasty },
    { ...OWN, aud: [nasty, nasty] },
  ]) {
    const { message } = await refusalOf(await issuer.sign(claims));
    expect(message).toBe(printable(message, 1_000));
    expect(Buffer.byteLength(message)).toBeLessThan(MAX_REFUSAL_BYTES / 2);
  }
  const named = handMadeToken({ alg: 'ES256', kid: nasty }, times(NOW_S + 9), 'AA');
  expect((await refusalOf(named)).message).not.toContain('\u{1b}');
});

test('no change of one byte of a good token is taken', async () => {
  const tokens = [await issuer.sign(OWN, EC), await issuer.sign(OWN, ED), await issuer.sign(OWN, RSA)];
  for (const token of tokens) expect(await verify(token)).toHaveProperty('kind', 'verified');
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...tokens),
      fc.nat(),
      fc.oneof(fc.constantFrom(...BASE64URL), fc.constantFrom('=', '.', '+', '/', ' ', '\n', '\0', 'é', '')),
      async (token, nat, character) => {
        const at = nat % token.length;
        const changed = `${token.slice(0, at)}${character}${token.slice(at + 1)}`;
        fc.pre(changed !== token);
        expect(await verify(changed)).toHaveProperty('kind', 'refused');
      },
    ),
    { numRuns: 2_000 },
  );
  // The bits that the last character of a signature has to spare are where a lenient reader lets another token pass.
  const [token = ''] = tokens;
  for (const last of BASE64URL)
    if (!token.endsWith(last))
      expect(await verify(`${token.slice(0, -1)}${last}`)).toHaveProperty('kind', 'refused');
});
