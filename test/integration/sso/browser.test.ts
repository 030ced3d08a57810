// Signing on in a browser at a real provider: there and back, the cookie at the door, and what others may try with either.
import { describe, expect, test } from 'vitest';
import { SIGN_ON_COOKIE } from '#shared/protocol/sign-on.ts';
import { TRIP_COOKIE } from '../../../services/relay/http/sign-on/browser-routes.ts';
import { SIGN_ON_TOKEN_LIFE_MS, TRIP_LIFE_MS } from '../../../services/relay/sso/sign-on-desk.ts';
import { openAgent } from '../../support/relay/fake-agent.ts';
import { joinPair } from '../../support/relay/joined-pair.ts';
import { openClient } from '../../support/relay/relay.ts';
import { proofOf, signOn } from '../../support/sso/program-sign-on.ts';
import { openSignOnWorld, policyOf, type SignOnWorld } from '../../support/sso/sign-on-world.ts';
import { Visitor } from '../../support/sso/visitor.ts';

const isCallback = (url: string): boolean => url.includes('/sign-on/callback');

/** To the provider, where `account` logs in, and on to the address that the provider sends the browser back to. */
async function toCallback(
  visitor: Visitor,
  { base }: SignOnWorld,
  account = 'ada',
  query = '',
): Promise<string> {
  const login = await visitor.open(`${base}/sign-on${query}`);
  const body = new URLSearchParams({ account });
  const { url } = await visitor.open(login.url, { method: 'POST', body }, isCallback);
  return url;
}

async function signOnBy(
  visitor: Visitor,
  world: SignOnWorld,
  query = '',
): Promise<{ url: string; page: string }> {
  const { url, answer } = await visitor.open(await toCallback(visitor, world, 'ada', query));
  return { url, page: (await answer?.text()) ?? '' };
}

const cookieHeader = (value: string) => ({ cookie: `${SIGN_ON_COOKIE}=${value}` });

describe('a browser', () => {
  test('is sent to the provider with all that keeps others out, and comes back with a cookie that opens the door', async () => {
    const world = await openSignOnWorld();
    const { base, issuer, relay } = world;
    const visitor = new Visitor();
    const begun = await visitor.ask(`${base}/sign-on`);
    expect([begun.status, begun.headers.get('cache-control')]).toEqual([303, 'no-store']);
    const there = new URL(begun.headers.get('location') ?? '');
    expect(there.origin).toBe(issuer.issuer);
    expect(Object.fromEntries(there.searchParams)).toMatchObject({
      client_id: 'converge',
      code_challenge_method: 'S256',
      redirect_uri: `${base}/sign-on/callback`,
      response_type: 'code',
      scope: 'openid email groups',
      nonce: expect.stringMatching(/^[\w-]{43}$/) as string,
      state: expect.stringMatching(/^[\w-]{43}$/) as string,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/) as string,
    });
    expect(begun.headers.getSetCookie()).toEqual([
      expect.stringMatching(
        new RegExp(`^${TRIP_COOKIE}=[\\w-]+; Path=/sign-on; Max-Age=600; HttpOnly; SameSite=Lax$`),
      ),
    ]);

    const { url, page } = await signOnBy(visitor, world);
    expect(url).toBe(`${base}/sign-on/done`);
    expect(page).toContain('Signed on as ada@example.com');
    expect(visitor.cookie(base, TRIP_COOKIE)).toBeUndefined();
    const token = visitor.cookie(base, SIGN_ON_COOKIE) ?? '';
    using agent = await openAgent(relay.port, 'job');
    const headers = { ...cookieHeader(token), origin: base };
    using pair = await joinPair(relay.port, agent, 'job', { headers });
    expect(pair.client.readyState).toBe(1);
    expect(await relay.metric('converge_sign_ons_total{way="browser",outcome="confirmed"}')).toBe(1);
  });

  test('keeps its cookie from scripts, from plain http and from other sites, for as long as the token counts', async () => {
    const world = await openSignOnWorld({ env: { PUBLIC_URL: 'https://relay.test' } });
    const names = new Map([['https://relay.test', `http://127.0.0.1:${world.relay.port}`]]);
    const visitor = new Visitor(names);
    const callback = await toCallback(visitor, world);
    const answer = await visitor.ask(callback);
    expect(answer.headers.getSetCookie()).toEqual([
      `${TRIP_COOKIE}=; Path=/sign-on; Max-Age=0; HttpOnly; Secure; SameSite=Lax`,
      expect.stringMatching(
        new RegExp(`^${SIGN_ON_COOKIE}=[\\w-]+; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax$`),
      ),
    ]);
    expect(answer.headers.get('location')).toBe('/sign-on/done');
  });

  test('is a relay below a path as any other', async () => {
    const base = 'https://relay.test/converge';
    const world = await openSignOnWorld({ env: { PUBLIC_URL: `${base}/` } });
    const answer = await fetch(`http://127.0.0.1:${world.relay.port}/sign-on?return=/converge/page`, {
      redirect: 'manual',
    });
    const { searchParams } = new URL(answer.headers.get('location') ?? '');
    expect(searchParams.get('redirect_uri')).toBe(`${base}/sign-on/callback`);
    expect(answer.headers.getSetCookie()[0]).toContain('; Path=/converge/sign-on;');
  });

  test.each([
    ['/?id=job#pin', '/?id=job#pin'],
    ['//evil.test/', '/sign-on/done'],
    ['https://evil.test/', '/sign-on/done'],
    ['/sign-on', '/sign-on/done'],
  ])('that came with the return %s ends at %s', async (asked, reached) => {
    const world = await openSignOnWorld();
    const visitor = new Visitor();
    const callback = await toCallback(visitor, world, 'ada', `?return=${encodeURIComponent(asked)}`);
    const answer = await visitor.ask(callback);
    expect([answer.status, answer.headers.get('location')]).toEqual([303, reached]);
  });

  test('signs off, from a page of the relay alone', async () => {
    const world = await openSignOnWorld();
    const visitor = new Visitor();
    await signOnBy(visitor, world);
    const end = `${world.base}/sign-on/end`;
    const foreign = await visitor.ask(end, { method: 'POST', headers: { origin: 'https://evil.test' } });
    expect([foreign.status, visitor.cookie(world.base, SIGN_ON_COOKIE)]).toEqual([403, expect.any(String)]);
    const answer = await visitor.ask(end, { method: 'POST', headers: { origin: world.base } });
    expect([answer.status, visitor.cookie(world.base, SIGN_ON_COOKIE)]).toEqual([200, undefined]);
    expect(await answer.text()).toContain('has signed off');
    expect(await (await visitor.ask(`${world.base}/sign-on/done`)).text()).toContain('Nobody has signed on');
  });

  test('is told when the person says no, or the provider is away', async () => {
    const world = await openSignOnWorld();
    const visitor = new Visitor();
    const callback = await toCallback(visitor, world, '');
    const refused = await visitor.ask(callback);
    expect([refused.status, refused.headers.get('content-type')]).toEqual([401, 'text/html; charset=utf-8']);
    expect(refused.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; .*frame-ancestors 'none'/,
    );
    expect(await refused.text()).toContain('turned down at the provider');
    world.issuer.twists.answer = (question) => {
      question.status = 500;
      return question.path === '/token';
    };
    const other = new Visitor();
    const away = await other.ask(await toCallback(other, world));
    expect([away.status, await away.text()]).toEqual([
      503,
      expect.stringContaining('does not answer as it should'),
    ]);
  });
});

describe('a return from the provider', () => {
  const refusedAs = async (answer: Response, words: string): Promise<void> => {
    expect([answer.status, await answer.text()]).toEqual([401, expect.stringContaining(words)]);
    expect(answer.headers.getSetCookie().filter((text) => text.startsWith(`${SIGN_ON_COOKIE}=`))).toEqual([]);
  };

  test('counts once', async () => {
    const world = await openSignOnWorld();
    const visitor = new Visitor();
    const callback = await toCallback(visitor, world);
    const trip = visitor.cookie(world.base, TRIP_COOKIE) ?? '';
    expect((await visitor.ask(callback)).status).toBe(303);
    await refusedAs(await visitor.ask(callback), 'has not begun a sign-on');
    // Also where somebody has kept the cookie: the provider takes its code once.
    visitor.setCookie(world.base, TRIP_COOKIE, trip);
    await refusedAs(await visitor.ask(callback), 'was used before');
  });

  test('counts for the browser that was sent there, and for that sign-on alone', async () => {
    const world = await openSignOnWorld();
    const [mallory, ada] = [new Visitor(), new Visitor()];
    const callback = await toCallback(mallory, world, 'bob');
    // Mallory has Ada follow the link, so that Ada works as Bob.
    await refusedAs(await ada.ask(callback), 'has not begun a sign-on');
    await toCallback(ada, world);
    await refusedAs(await ada.ask(callback), 'does not count');
  });

  test.each<[string, (url: URL) => void]>([
    [
      'without a state',
      (url) => {
        url.searchParams.delete('state');
      },
    ],
    [
      'with two states',
      (url) => {
        url.searchParams.append('state', 'x');
      },
    ],
    [
      'without a code',
      (url) => {
        url.searchParams.delete('code');
      },
    ],
    [
      'from another provider',
      (url) => {
        url.searchParams.set('iss', 'https://evil.test');
      },
    ],
    [
      'with nothing',
      (url) => {
        url.search = '';
      },
    ],
  ])('%s does not count', async (_, change) => {
    const world = await openSignOnWorld();
    const visitor = new Visitor();
    const url = new URL(await toCallback(visitor, world));
    change(url);
    await refusedAs(await visitor.ask(url.href), 'does not count');
    expect(world.issuer.asked).not.toContain('POST /token');
  });

  test.each<[string, unknown]>([
    ['another', 'another-nonce'],
    ['no', undefined],
  ])('with %s nonce in the token does not count', async (_, nonce) => {
    const world = await openSignOnWorld();
    const visitor = new Visitor();
    const callback = await toCallback(visitor, world);
    world.issuer.twists.idToken = (claims) => ({ ...claims, nonce });
    await refusedAs(
      await visitor.ask(callback),
      nonce === undefined ? 'does not count' : 'for another sign-on',
    );
  });

  test('with a cookie that was changed, was made elsewhere, or has had its time does not count', async () => {
    const world = await openSignOnWorld();
    const other = await openSignOnWorld({ env: { CLUSTER_SECRET: 'another'.padEnd(40, 'x') } });
    other.policy.current = policyOf(other.base, world.policy.current?.sso);
    const visitor = new Visitor();
    const callback = await toCallback(visitor, world);
    const good = visitor.cookie(world.base, TRIP_COOKIE) ?? '';
    const stranger = new Visitor();
    await stranger.ask(`${other.base}/sign-on`);
    const { token } = await signOn(world);
    const changed = [2, 20, Math.trunc(good.length / 2), good.length - 1].map(
      (at) => `${good.slice(0, at)}${good[at] === 'A' ? 'B' : 'A'}${good.slice(at + 1)}`,
    );
    for (const value of [
      ...changed,
      `${good}A`,
      good.slice(4),
      token,
      stranger.cookie(other.base, TRIP_COOKIE) ?? '',
    ]) {
      visitor.setCookie(world.base, TRIP_COOKIE, value);
      await refusedAs(await visitor.ask(callback), 'has not begun a sign-on');
    }
    visitor.setCookie(world.base, TRIP_COOKIE, good);
    world.clock.advance(TRIP_LIFE_MS);
    await refusedAs(await visitor.ask(callback), 'that time is over');
  });

  test('after the policy has another provider does not count', async () => {
    const world = await openSignOnWorld();
    const other = await openSignOnWorld();
    const visitor = new Visitor();
    const callback = await toCallback(visitor, world);
    world.policy.current = policyOf(world.base, other.policy.current?.sso);
    await refusedAs(await visitor.ask(callback), 'at another provider');
  });
});

describe('the cookie at the door', () => {
  test('counts for pages of this relay alone, and a header comes before it', async () => {
    const world = await openSignOnWorld();
    const { base, relay } = world;
    const { token } = await signOn(world);
    const cookie = cookieHeader(token);
    const doorFor = async (headers: Record<string, string>): Promise<string | undefined> => {
      const outcome = await openClient(relay.port, 'job', { headers });
      return outcome.kind === 'refused' ? outcome.refusal?.code : undefined;
    };
    expect(await doorFor({ ...cookie, origin: base })).toBe('agent_not_found');
    expect(await doorFor({ cookie: `a=b; ${cookie.cookie}; c=d`, origin: base })).toBe('agent_not_found');
    expect(await doorFor(cookie)).toBe('identity_required');
    expect(await doorFor({ ...cookie, origin: 'https://evil.test' })).toBe('foreign_origin');
    expect(await doorFor({ ...cookie, origin: 'null' })).toBe('foreign_origin');
    expect(await doorFor({ ...cookie, ...proofOf('nonsense'), origin: base })).toBe('sso_refused');
    expect(await doorFor({ ...cookieHeader(`${token}A`), origin: base })).toBe('sso_refused');
    expect(await doorFor({ ...cookieHeader(''), origin: base })).toBe('identity_required');
    world.clock.advance(SIGN_ON_TOKEN_LIFE_MS);
    expect(await doorFor({ ...cookie, origin: base })).toBe('sso_expired');
  });

  test('says nothing where the policy has no single sign-on', async () => {
    const world = await openSignOnWorld();
    const { token } = await signOn(world);
    world.policy.current = policyOf(world.base, undefined);
    const headers = { ...cookieHeader(token), origin: world.base };
    expect(await openClient(world.relay.port, 'job', { headers })).toMatchObject({
      refusal: { code: 'identity_required' },
    });
  });
});
