// Signing on by device code at a real provider: from the code to the door, and what is said to whoever does not get there.
import { describe, expect, test } from 'vitest';
import { SIGN_ON_PATHS } from '#shared/protocol/sign-on.ts';
import { ClusterKey } from '../../../services/relay/hop/cluster-key.ts';
import { ADDRESS_SIGN_ONS } from '../../../services/relay/limits/sign-on-limits.ts';
import { SIGN_ON_TOKEN_LIFE_MS } from '../../../services/relay/sso/sign-on-desk.ts';
import { openAgent } from '../../support/relay/fake-agent.ts';
import { joinPair } from '../../support/relay/joined-pair.ts';
import { openClient } from '../../support/relay/relay.ts';
import { ask, begin, finish, proofOf, signedOnFrom, signOn } from '../../support/sso/program-sign-on.ts';
import { openSignOnWorld, policyOf, SECRET } from '../../support/sso/sign-on-world.ts';

describe('a device code', () => {
  test('leads to a token that opens the door, once the person has said yes', async () => {
    const world = await openSignOnWorld();
    const { relay, issuer } = world;
    const { handle, userCode, ...begun } = await begin(world);
    expect(begun).toMatchObject({ verificationUri: `${issuer.issuer}/device`, expiresSeconds: 600 });
    expect(begun.verificationUriComplete).toContain(encodeURIComponent(userCode));
    expect(await ask(world, 'token', { handle })).toMatchObject({ status: 200, text: '{"pending":true}' });

    await issuer.answerDevice(userCode, 'ada');
    const answer = await ask(world, 'token', { handle });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { token, refresh, expiresAt } = signedOnFrom(answer);
    expect(expiresAt).toBe(world.clock.wallTime() + SIGN_ON_TOKEN_LIFE_MS);
    expect(refresh).not.toBe('');
    using agent = await openAgent(relay.port, 'job');
    using pair = await joinPair(relay.port, agent, 'job', { headers: proofOf(token) });
    expect(pair.client.readyState).toBe(1);
    expect(relay.log.find(({ msg }) => msg === 'signed on')).toMatchObject({
      way: 'device',
      subject: 'ada@example.com',
      address: '127.0.0.1',
    });
    expect(await relay.metric('converge_sign_ons_total{way="device",outcome="begun"}')).toBe(1);
    expect(await relay.metric('converge_sign_ons_total{way="device",outcome="confirmed"}')).toBe(1);
    expect(JSON.stringify(relay.log)).not.toContain(token.slice(0, 40));
  });

  test('of a provider that tells no more than the name in its token is asked for the rest', async () => {
    const world = await openSignOnWorld({ hasClaimsInIdToken: false });
    using agent = await openAgent(world.relay.port, 'job');
    const { token } = await signOn(world);
    using pair = await joinPair(world.relay.port, agent, 'job', { headers: proofOf(token) });
    expect(pair.client.readyState).toBe(1);
    expect(world.issuer.asked).toContain('GET /me');
  });

  test('of a provider that tells all in its token costs no question more', async () => {
    const world = await openSignOnWorld();
    await signOn(world);
    expect(world.issuer.asked.filter((path) => path === 'GET /me')).toEqual([]);
  });

  test('of somebody whom no rule admits gives a token, and that one is told so at the door', async () => {
    const world = await openSignOnWorld();
    const { token } = await signOn(world, 'bob');
    expect(await openClient(world.relay.port, 'job', { headers: proofOf(token) })).toMatchObject({
      refusal: { code: 'not_admitted' },
    });
    // His address is Ada's, as he says himself, and the provider has not verified it.
    expect(world.relay.log.find(({ msg }) => msg === 'signed on')).toMatchObject({ subject: 'bob' });
  });

  test('is refused when the person says no', async () => {
    const world = await openSignOnWorld();
    const { handle, userCode } = await begin(world);
    await world.issuer.answerDevice(userCode, undefined);
    expect(await ask(world, 'token', { handle })).toMatchObject({
      status: 401,
      json: { code: 'sso_refused', message: expect.stringContaining('turned down') as string },
    });
    expect(await world.relay.metric('converge_sign_ons_total{way="device",outcome="refused"}')).toBe(1);
  });

  test('is refused a second time', async () => {
    const world = await openSignOnWorld();
    const { handle, userCode } = await begin(world);
    await world.issuer.answerDevice(userCode, 'ada');
    signedOnFrom(await ask(world, 'token', { handle }));
    expect(await ask(world, 'token', { handle })).toMatchObject({ json: { code: 'sso_refused' } });
  });

  test('is over after its time, by the clock of the relay and without a question, or by the word of the provider', async () => {
    const world = await openSignOnWorld();
    const { handle } = await begin(world);
    world.issuer.twists.answer = (question) => {
      if (question.path !== '/token') return false;
      question.status = 400;
      question.body = { error: 'expired_token' };
      return true;
    };
    expect(await ask(world, 'token', { handle })).toMatchObject({
      status: 401,
      json: { code: 'sso_expired' },
    });
    const before = world.issuer.asked.length;
    world.clock.advance(600_000);
    expect(await ask(world, 'token', { handle })).toMatchObject({ json: { code: 'sso_expired' } });
    expect(world.issuer.asked).toHaveLength(before);
  });

  test('is asked for less often, where the provider wants that', async () => {
    const world = await openSignOnWorld();
    const { handle } = await begin(world);
    world.issuer.twists.answer = (question) => {
      if (question.path !== '/token') return false;
      question.status = 400;
      question.body = { error: 'slow_down' };
      return true;
    };
    expect((await ask(world, 'token', { handle })).text).toBe('{"pending":true,"slowDown":true}');
  });

  test('is refused with a way out, where the provider has none', async () => {
    const world = await openSignOnWorld({ hasDeviceFlow: false });
    expect(await ask(world, 'device', {})).toMatchObject({
      status: 401,
      json: { code: 'sso_refused', message: expect.stringContaining('/sign-on') as string },
    });
  });

  test('counts at any pod of the cluster, and at no other relay', async () => {
    const world = await openSignOnWorld();
    const { handle, userCode } = await begin(world);
    const other = await openSignOnWorld({ env: { CLUSTER_SECRET: 'another'.padEnd(40, 'x') } });
    const { sso } = world.policy.current ?? {};
    other.policy.current = policyOf(other.base, sso);
    await world.issuer.answerDevice(userCode, 'ada');
    expect(await ask(other, 'token', { handle })).toMatchObject({ json: { code: 'sso_refused' } });
    const pod = await openSignOnWorld();
    pod.policy.current = policyOf(pod.base, sso);
    const { token } = signedOnFrom(await ask(pod, 'token', { handle }));
    expect(await openClient(world.relay.port, 'job', { headers: proofOf(token) })).toMatchObject({
      refusal: { code: 'agent_not_found' },
    });
  });

  test('of a provider that does not count any more is refused, as are its tokens', async () => {
    const world = await openSignOnWorld();
    const other = await openSignOnWorld();
    const { token, refresh } = await signOn(world);
    const { handle } = await begin(world);
    world.policy.current = policyOf(world.base, other.policy.current?.sso);
    const [byHandle, byRefresh] = [
      await ask(world, 'token', { handle }),
      await ask(world, 'refresh', { refresh }),
    ];
    expect([byHandle, byRefresh]).toMatchObject([
      { json: { code: 'sso_refused' } },
      { json: { code: 'sso_refused' } },
    ]);
    expect(await openClient(world.relay.port, 'job', { headers: proofOf(token) })).toMatchObject({
      refusal: { code: 'sso_refused' },
    });
  });
});

describe('a handle', () => {
  test('that was changed anywhere, or sealed for something else, is refused without a question to the provider', async () => {
    const world = await openSignOnWorld();
    const { handle } = await begin(world);
    const { refresh, token } = await signOn(world);
    const ticket = new ClusterKey([SECRET]).seal('{"deviceCode":"x"}');
    const before = world.issuer.asked.length;
    const changed = [0, 8, 17, 60, Math.trunc(handle.length / 2), handle.length - 20, handle.length - 1].map(
      (at) => `${handle.slice(0, at)}${handle[at] === 'A' ? 'B' : 'A'}${handle.slice(at + 1)}`,
    );
    const cut = [
      handle.slice(0, -1),
      handle.slice(1),
      handle.slice(0, 20),
      `${handle}A`,
      `${handle}!`,
      `!${handle}`,
    ];
    for (const wrong of [...changed, ...cut, refresh, token, ticket, 'x'])
      expect(await ask(world, 'token', { handle: wrong }), wrong).toMatchObject({
        json: { code: 'sso_refused' },
      });
    for (const wrong of [handle, token, ticket, `${refresh}!`])
      expect(await ask(world, 'refresh', { refresh: wrong })).toMatchObject({
        json: { code: 'sso_refused' },
      });
    expect(world.issuer.asked).toHaveLength(before);
  });
});

describe('a question', () => {
  test('is none of these where the policy has no single sign-on: the paths are not there', async () => {
    const world = await openSignOnWorld();
    world.policy.current = policyOf(world.base, undefined);
    for (const path of ['device', 'token', 'refresh'] as const)
      expect(await ask(world, path, {})).toMatchObject({
        status: 404,
        json: { code: 'not_found', message: `nothing is at POST ${SIGN_ON_PATHS[path]}: see / for what is` },
      });
    for (const path of ['/sign-on', '/sign-on/callback', '/sign-on/done']) {
      const answer = await fetch(`${world.base}${path}`, { headers: { accept: 'text/html' } });
      expect([answer.status, await answer.json()]).toMatchObject([404, { code: 'not_found' }]);
    }
    const end = await fetch(`${world.base}/sign-on/end`, { method: 'POST' });
    expect([end.status, end.headers.has('set-cookie')]).toEqual([404, false]);
    expect(world.issuer.asked).toEqual([]);
  });

  test('of a page of another site is refused', async () => {
    const world = await openSignOnWorld();
    const headers = { origin: 'https://elsewhere.test' };
    for (const [path, body] of [
      ['device', {}],
      ['token', { handle: 'x' }],
      ['refresh', { refresh: 'x' }],
    ] as const)
      expect(await ask(world, path, body, headers)).toMatchObject({
        status: 403,
        json: { code: 'foreign_origin' },
      });
    expect(world.issuer.asked).toEqual([]);
  });

  test('without what it needs is malformed, and one that is too large is not read', async () => {
    const world = await openSignOnWorld();
    for (const body of [
      '',
      '{}',
      '[]',
      '{"handle":1}',
      '{"handle":""}',
      '{"handle":"a b"}',
      `{"handle":"${'x'.repeat(13_000)}"}`,
    ])
      expect(await ask(world, 'token', body)).toMatchObject({
        status: 400,
        json: { code: 'malformed_request' },
      });
    expect(await ask(world, 'refresh', `{"refresh":"${'x'.repeat(40_000)}"}`)).toMatchObject({ status: 413 });
    expect(await ask(world, 'token', {}, { 'content-type': 'text/plain' })).toMatchObject({ status: 415 });
  });

  test('that is nonsense asks the provider nothing, and takes nothing of what all may ask it', async () => {
    const world = await openSignOnWorld({ env: { LIMIT_PRIVATE_ADDRESSES: 'true' } });
    for (let asked = 0; asked < ADDRESS_SIGN_ONS.burst; asked += 1) {
      await ask(world, 'token', { handle: 'x' });
      await ask(world, 'refresh', { refresh: 'x' });
    }
    expect(world.issuer.asked).toEqual([]);
    expect(await ask(world, 'device', {})).toMatchObject({ status: 200 });
  });

  test('that comes too often from one address is refused before the provider hears of it', async () => {
    const world = await openSignOnWorld({ env: { LIMIT_PRIVATE_ADDRESSES: 'true' } });
    const { json } = await ask(world, 'device', {});
    for (let asked = 1; asked < ADDRESS_SIGN_ONS.burst; asked += 1)
      await ask(world, 'token', { handle: json['handle'] });
    const before = world.issuer.asked.length;
    const over = await ask(world, 'device', {});
    expect(over).toMatchObject({ status: 429, json: { code: 'rate_limited' } });
    expect(over.headers.get('retry-after')).toBe('1');
    expect(world.issuer.asked).toHaveLength(before);
    expect(await world.relay.metric('converge_limit_hits_total{limit="address_sign_ons"}')).toBe(1);
    world.clock.advance(1_000);
    expect(await finish(world)).toMatchObject({ status: 200 });
  });
});
