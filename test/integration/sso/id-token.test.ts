// ID tokens of a real provider, changed or forged on the way to the relay, and clocks that differ.
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { PROVIDER_CLOCK_TOLERANCE_SECONDS } from '../../../services/relay/sso/provider-refusal.ts';
import { openClient } from '../../support/relay/relay.ts';
import type { TokenClaims } from '../../support/sso/oidc-issuer.ts';
import { finish, proofOf, signedOnFrom } from '../../support/sso/program-sign-on.ts';
import { openSignOnWorld } from '../../support/sso/sign-on-world.ts';

const HOUR = 3_600;

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Its body with another head, signed by `sign`. */
const withHead = (head: object, sign: (text: string) => string) => (token: string) => {
  const text = `${encode(head)}.${token.split('.')[1] ?? ''}`;
  return `${text}.${sign(text)}`;
};

describe('an ID token is refused', () => {
  test.each<[string, string, (claims: TokenClaims) => TokenClaims]>([
    ['for another audience', '(aud)', (claims) => ({ ...claims, aud: 'somebody-else' })],
    [
      'for several, of whom it knows one',
      'was not made for this relay',
      (claims) => ({ ...claims, aud: ['converge', 'x'] }),
    ],
    ['of another issuer', '(iss)', (claims) => ({ ...claims, iss: 'https://elsewhere.test' })],
    [
      'that is over',
      'outside its time',
      ({ iat = 0, ...claims }) => ({ ...claims, iat: iat - 2 * HOUR, exp: iat - HOUR }),
    ],
    [
      'that has not begun',
      'outside its time',
      ({ iat = 0, ...claims }) => ({ ...claims, iat, nbf: iat + HOUR }),
    ],
    ['that was made later', 'outside its time', ({ iat = 0, ...claims }) => ({ ...claims, iat: iat + HOUR })],
    ['without a time', 'does not count', (claims) => ({ ...claims, exp: undefined })],
    ['of nobody', 'does not count', (claims) => ({ ...claims, sub: undefined })],
    ['of a list of people', 'does not count', (claims) => ({ ...claims, sub: ['ada'] })],
  ])('%s', async (_, words, change) => {
    const world = await openSignOnWorld();
    world.issuer.twists.idToken = change;
    const answer = await finish(world);
    expect(answer).toMatchObject({ status: 401, json: { code: 'sso_refused' } });
    expect(answer.json['message']).toContain(words);
    expect(await world.relay.metric('converge_sign_ons_total{way="device",outcome="refused"}')).toBe(1);
  });

  test('signed by a key that is not the provider’s, by none, or by a secret', async () => {
    const world = await openSignOnWorld();
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const forged = await world.issuer.forge(await rawTokenOf(world));
    const wrong: readonly ((token: string) => string)[] = [
      () => forged,
      (token) => `${token.slice(0, -8)}AAAAAAAA`,
      (token) => token.replace(/[^.]+$/, ''),
      withHead({ alg: 'none' }, () => ''),
      withHead({ alg: 'HS256', kid: 'issuer-key' }, (text) =>
        createHmac('sha256', privateKey.export({ format: 'pem', type: 'pkcs8' }))
          .update(text)
          .digest('base64url'),
      ),
      withHead({ alg: 'RS256', kid: 'no-such-key' }, () => 'AAAA'),
      () => 'no.token',
    ];
    for (const change of wrong) {
      world.issuer.twists.rawIdToken = change;
      expect(await finish(world), String(change)).toMatchObject({
        status: 401,
        json: { code: 'sso_refused' },
      });
    }
    // A key of no name is looked for once: the set is as old as the relay.
    expect(world.issuer.asked.filter((path) => path === 'GET /jwks')).toHaveLength(1);
  });

  test('when there is none', async () => {
    const world = await openSignOnWorld({ settings: { scopes: ['email'] } });
    const answer = await finish(world);
    expect(answer).toMatchObject({ status: 401, json: { code: 'sso_refused' } });
    expect(answer.json['message']).toContain('openid');
  });

  test('when the page about the person is about another', async () => {
    const world = await openSignOnWorld({ hasClaimsInIdToken: false });
    world.issuer.twists.answer = (question) => {
      if (question.path !== '/me') return false;
      question.body = { sub: 'bob', groups: ['engineers'] };
      return true;
    };
    expect(await finish(world)).toMatchObject({ json: { code: 'sso_refused' } });
  });
});

/** A token as the provider has signed it. */
async function rawTokenOf(world: Awaited<ReturnType<typeof openSignOnWorld>>): Promise<string> {
  let raw = '';
  world.issuer.twists.rawIdToken = (token) => {
    raw = token;
    return token;
  };
  expect(await finish(world)).toMatchObject({ status: 200 });
  return raw;
}

describe('the clock of the relay may be', () => {
  const toleranceMs = PROVIDER_CLOCK_TOLERANCE_SECONDS * 1_000;
  const marginMs = 10_000;
  /** As short as the tests need it: an hour would hide a relay that is ahead. */
  const idTokenSeconds = 30;

  test.each([
    ['behind by less than the tolerance', marginMs - toleranceMs, true],
    ['behind by more', -marginMs - toleranceMs, false],
    [
      'ahead by less than the tolerance and the token’s time',
      idTokenSeconds * 1_000 + toleranceMs - marginMs,
      true,
    ],
    ['ahead by more', idTokenSeconds * 1_000 + toleranceMs + marginMs, false],
  ])('%s', async (_, aheadMs, isGood) => {
    const world = await openSignOnWorld({ aheadMs, idTokenSeconds });
    const answer = await finish(world);
    if (!isGood) {
      expect(answer).toMatchObject({ status: 401, json: { code: 'sso_refused' } });
      expect(answer.json['message']).toContain('outside its time');
      return;
    }
    // It counts for its whole time, by whichever clock.
    const { token, expiresAt } = signedOnFrom(answer);
    expect(expiresAt).toBe(world.clock.wallTime() + idTokenSeconds * 1_000);
    expect(await openClient(world.relay.port, 'job', { headers: proofOf(token) })).toMatchObject({
      refusal: { code: 'agent_not_found' },
    });
  });
});
