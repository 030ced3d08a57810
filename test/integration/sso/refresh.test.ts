// A sign-on that goes on: refreshed at a real provider, until that ends it or its time is over.
import { expect, test } from 'vitest';
import { SIGN_ON_TOKEN_LIFE_MS } from '../../../services/relay/sso/sign-on-desk.ts';
import { openClient } from '../../support/relay/relay.ts';
import { ask, proofOf, signedOnFrom, signOn } from '../../support/sso/program-sign-on.ts';
import { openSignOnWorld, type SignOnWorld } from '../../support/sso/sign-on-world.ts';

/** What the door says to a token: `agent_not_found` says that it would open. */
async function doorFor({ relay }: SignOnWorld, token: string): Promise<string | undefined> {
  const outcome = await openClient(relay.port, 'job', { headers: proofOf(token) });
  return outcome.kind === 'refused' ? outcome.refusal?.code : undefined;
}

test('a token is over after its hour, and another comes without the person', async () => {
  const world = await openSignOnWorld({ idTokenSeconds: 7_200 });
  const first = await signOn(world);
  world.clock.stepWall(SIGN_ON_TOKEN_LIFE_MS - 1);
  expect(await doorFor(world, first.token)).toBe('agent_not_found');
  world.clock.stepWall(1);
  expect(await doorFor(world, first.token)).toBe('sso_expired');
  const next = signedOnFrom(await ask(world, 'refresh', { refresh: first.refresh }));
  expect(next.expiresAt).toBe(world.clock.wallTime() + SIGN_ON_TOKEN_LIFE_MS);
  expect(await doorFor(world, next.token)).toBe('agent_not_found');
  expect(await world.relay.metric('converge_sign_ons_total{way="refresh",outcome="confirmed"}')).toBe(1);
});

test("a token is over with the provider's own, where that is sooner", async () => {
  const world = await openSignOnWorld({ idTokenSeconds: 300 });
  const { token, expiresAt } = await signOn(world);
  expect(expiresAt).toBe(world.clock.wallTime() + 300_000);
  world.clock.advance(300_000);
  expect(await doorFor(world, token)).toBe('sso_expired');
});

test('a sign-on that the provider has ended is refused', async () => {
  const world = await openSignOnWorld();
  const { refresh } = await signOn(world);
  await world.issuer.revoke('ada');
  expect(await ask(world, 'refresh', { refresh })).toMatchObject({
    status: 401,
    json: { code: 'sso_refused', message: expect.stringContaining('the provider has ended') as string },
  });
});

test('a refresh token that was used before is refused, and the provider ends the sign-on', async () => {
  const world = await openSignOnWorld();
  const first = await signOn(world);
  const second = signedOnFrom(await ask(world, 'refresh', { refresh: first.refresh }));
  expect(second.refresh).not.toBe(first.refresh);
  expect(await ask(world, 'refresh', { refresh: first.refresh })).toMatchObject({
    json: { code: 'sso_refused' },
  });
  expect(await ask(world, 'refresh', { refresh: second.refresh })).toMatchObject({
    json: { code: 'sso_refused' },
  });
});

test('a sign-on is over after the time of the policy, however often it was refreshed', async () => {
  const world = await openSignOnWorld({ settings: { sessionMs: 90_000 } });
  const first = await signOn(world);
  expect(first.expiresAt).toBe(world.clock.wallTime() + 90_000);
  world.clock.advance(40_000);
  const next = signedOnFrom(await ask(world, 'refresh', { refresh: first.refresh }));
  expect(next.expiresAt).toBe(first.expiresAt);
  world.clock.advance(50_000);
  const before = world.issuer.asked.length;
  expect(await ask(world, 'refresh', { refresh: next.refresh })).toMatchObject({
    status: 401,
    json: { code: 'sso_expired' },
  });
  expect(world.issuer.asked).toHaveLength(before);
  expect(await world.relay.metric('converge_sign_ons_total{way="refresh",outcome="expired"}')).toBe(1);
});

test('a provider that gives no refresh token gives a sign-on without one', async () => {
  const world = await openSignOnWorld({ givesRefreshTokens: false });
  expect(await signOn(world)).toMatchObject({ refresh: '' });
});

test('a provider that confirms somebody else is not believed', async () => {
  const world = await openSignOnWorld();
  const { refresh } = await signOn(world);
  world.issuer.twists.idToken = (claims) => ({ ...claims, sub: 'bob' });
  expect(await ask(world, 'refresh', { refresh })).toMatchObject({ json: { code: 'sso_refused' } });
});

test('somebody who has left the group gets a token that opens nothing', async () => {
  const world = await openSignOnWorld();
  const { refresh } = await signOn(world);
  world.issuer.twists.idToken = (claims) => ({ ...claims, groups: ['staff'] });
  const { token } = signedOnFrom(await ask(world, 'refresh', { refresh }));
  expect(await doorFor(world, token)).toBe('not_admitted');
});
