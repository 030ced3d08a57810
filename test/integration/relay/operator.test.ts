// The operator's routes: who gets the page and the JSON, who may act, and what an action does.
import { expect, test } from 'vitest';
import { IDENTITY_HEADER } from '#shared/protocol/identity.ts';
import { formatIdentity } from '#shared/protocol/presented-identity.ts';
import type { AuditEvent } from '../../../services/relay/audit/audit-event.ts';
import { dialAgent, openAgent, openAgentStream, socketOf } from '../../support/relay/fake-agent.ts';
import { openClient, openRaw, type RunningRelay } from '../../support/relay/relay.ts';
import { TestPolicy } from '../../support/relay/test-policy.ts';
import { openRelay } from '../../support/relay/test-relay.ts';
import { until } from '../../support/time/poll.ts';

interface Report {
  readonly token: string;
  readonly totals: Readonly<Record<string, number>>;
  readonly agents: readonly { readonly id: string }[];
  readonly sessions: readonly { readonly handle: string; readonly id: string }[];
  readonly blocks: readonly { readonly target: string; readonly by: string; readonly why: string }[];
  readonly refusals: readonly { readonly code: string; readonly total: number }[];
}

async function reportOf(relay: RunningRelay, query = ''): Promise<Report> {
  const answer = await fetch(`http://127.0.0.1:${relay.internalPort}/operator.json${query}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Report;
}

type Fields = Readonly<Record<string, string>>;

/** As the page's own form does it, unless `headers` say otherwise. */
async function post(relay: RunningRelay, fields: Fields, headers: Fields = {}): Promise<Response> {
  const origin = `http://127.0.0.1:${relay.internalPort}`;
  return fetch(`${origin}/operator/act`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin, accept: 'application/json', ...headers },
    body: new URLSearchParams(fields),
  });
}

async function actOn(relay: RunningRelay, fields: Fields): Promise<unknown> {
  const { token } = await reportOf(relay);
  return (await post(relay, { token, by: 'ada', ...fields })).json();
}

/** A client of agent `id`, joined. */
async function joined(relay: RunningRelay, id: string, agent: Awaited<ReturnType<typeof openAgent>>) {
  const client = openClient(relay.port, id);
  const { ticket } = await agent.dial();
  const stream = socketOf(await openAgentStream(relay.port, id, ticket));
  return { client: socketOf(await client), stream };
}

test('the page and the JSON show who is there, searched and sorted', async () => {
  const relay = await openRelay();
  using agent = await openAgent(relay.port, 'build-1');
  using _ = await openAgent(relay.port, 'deploy-2');
  using pair = disposable(await joined(relay, 'build-1', agent));
  expect((await reportOf(relay)).agents.map(({ id }) => id).sort()).toEqual(['build-1', 'deploy-2']);
  expect((await reportOf(relay, '?sort=id&dir=desc')).agents.map(({ id }) => id)).toEqual([
    'deploy-2',
    'build-1',
  ]);
  expect((await reportOf(relay, '?q=BUILD')).agents.map(({ id }) => id)).toEqual(['build-1']);
  expect((await reportOf(relay, '?view=sessions')).sessions).toMatchObject([
    { id: 'build-1', client: '127.0.0.1' },
  ]);
  const page = await fetch(`http://127.0.0.1:${relay.internalPort}/operator`);
  expect(page.headers.get('content-type')).toContain('text/html');
  const text = await page.text();
  expect(text).toContain('deploy-2');
  expect(pair).toBeDefined();
});

test('whom the policy asked for a proof is listed, and is not in the figure of those who were refused', async () => {
  const relay = await openRelay({ gateParts: new TestPolicy().parts });
  await dialAgent(relay.port, 'build-1');
  const bad = { [IDENTITY_HEADER]: formatIdentity({ kind: 'token', token: 'bad' }) };
  const outcome = await dialAgent(relay.port, 'build-1', { headers: bad });
  expect(outcome).toMatchObject({ refusal: { code: 'token_unknown' } });
  const { refusals, totals } = await reportOf(relay, '?view=refusals');
  expect(refusals.map(({ code }) => code).sort()).toEqual(['identity_required', 'token_unknown']);
  expect(totals['refusals']).toBe(1);
});

test('what a stranger chose is text on the page, whatever it is', async () => {
  const relay = await openRelay();
  const evil = `"><script>alert(1)</script>'`;
  const page = await fetch(
    `http://127.0.0.1:${relay.internalPort}/operator?${new URLSearchParams({ view: 'blocks', q: evil, by: evil, said: evil, target: evil }).toString()}`,
  );
  const text = await page.text();
  expect(text).not.toContain('<script>alert');
  expect(text.match(/&lt;script&gt;alert/g)?.length).toBeGreaterThan(3);
});

test('a session is ended for good: both ends get 4410, the record has who did it', async () => {
  const events: AuditEvent[] = [];
  const relay = await openRelay({ audit: { record: (event) => events.push(event) } });
  using agent = await openAgent(relay.port, 'build-1');
  const { client, stream } = await joined(relay, 'build-1', agent);
  const ends = [client, stream].map(async (socket) => {
    socket.resume();
    const { promise, resolve } = Promise.withResolvers<unknown>();
    socket.once('close', (code: number, reason: Buffer) => resolve([code, String(reason)]));
    return promise;
  });
  const [session] = (await reportOf(relay, '?view=sessions')).sessions;
  expect(session?.handle).toMatch(/^[\w-]{12}$/);
  const handle = session?.handle ?? '';
  expect(await actOn(relay, { action: 'end_session', handle, pod: 'pod-test' })).toMatchObject({
    kind: 'done',
  });
  expect(await Promise.all(ends)).toEqual([
    [4410, 'ended_by_operator'],
    [4410, 'ended_by_operator'],
  ]);
  expect(await actOn(relay, { action: 'end_session', handle })).toMatchObject({ kind: 'missed' });
  expect(events.filter(({ event }) => event === 'operator_acted')).toEqual([
    { event: 'operator_acted', by: 'ada', action: 'end_session', target: handle },
  ]);
  expect(events.find(({ event }) => event === 'session_ended')).toMatchObject({
    session: handle,
    by: 'relay',
    reason: 'ended_by_operator',
  });
  expect(await relay.metric('converge_operator_actions_total{action="end_session"}')).toBe(1);
});

test('an agent is ended, and its ID is free at once', async () => {
  const relay = await openRelay();
  using agent = await openAgent(relay.port, 'build-1');
  expect(await actOn(relay, { action: 'end_agent', id: 'build-1' })).toMatchObject({ kind: 'done' });
  expect(await agent.closed).toEqual({ code: 4410, reason: 'ended_by_operator' });
  await until('it is gone', async () => (await reportOf(relay)).totals['agents'] === 0);
  using another = await openAgent(relay.port, 'build-1');
  expect(another.messages[0]).toMatchObject({ type: 'welcome', id: 'build-1' });
});

test('an address is blocked for a time and unblocked; what it has is ended if that is wanted', async () => {
  const relay = await openRelay();
  using agent = await openAgent(relay.port, 'build-1');
  const block = { action: 'block', target: '127.0.0.0/8', seconds: '600', why: 'a test' };
  expect(await actOn(relay, block)).toMatchObject({
    kind: 'done',
    message: '127.0.0.0/8 is blocked for 10 minutes',
  });
  expect((await reportOf(relay)).totals['agents']).toBe(1);
  expect(await actOn(relay, { ...block, ends: '1' })).toMatchObject({ kind: 'done' });
  expect((await agent.closed).code).toBe(4410);
  expect((await reportOf(relay)).blocks).toMatchObject([{ target: '127.0.0.0/8', by: 'ada', why: 'a test' }]);
  expect(await relay.metric('converge_blocks')).toBe(1);
  expect(await actOn(relay, { action: 'unblock', target: '127.0.0.0/8' })).toMatchObject({ kind: 'done' });
  expect((await reportOf(relay)).blocks).toEqual([]);
});

test.each([
  ['no name', { by: '' }, 'say who you are'],
  ['a name that cannot be read', { by: 'a\u202eb' }, 'printable'],
  ['a long name', { by: 'x'.repeat(65) }, '64'],
  ['no such action', { action: 'reboot' }, 'action: one of'],
  ['no target', { action: 'block', target: 'everybody', seconds: '600' }, 'target: this is nothing'],
  ['too wide a range', { action: 'block', target: '0.0.0.0/0', seconds: '600' }, 'too wide'],
  ['too short', { action: 'block', target: '192.0.2.1', seconds: '59' }, 'from 1 minute to 30 days'],
  ['too long', { action: 'block', target: '192.0.2.1', seconds: '2592001' }, 'from 1 minute to 30 days'],
  [
    'a long reason',
    { action: 'block', target: '192.0.2.1', seconds: '60', why: 'x'.repeat(201) },
    'why: 200',
  ],
  ['no ID', { action: 'end_agent', id: '../x' }, 'id:'],
  ['no session', { action: 'end_session', handle: 'x' }, 'handle:'],
])('bad input is refused in words: %s', async (_, fields: Fields, words) => {
  const relay = await openRelay();
  const { token } = await reportOf(relay);
  const answer = await post(relay, { token, by: 'ada', ...fields });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({
    code: 'malformed_request',
    message: expect.stringContaining(words) as string,
  });
});

test('a browser without the script comes back to where it was, with a sentence', async () => {
  const relay = await openRelay();
  const { token } = await reportOf(relay);
  const fields = {
    token,
    by: 'ada',
    action: 'block',
    target: 'rule:acme',
    seconds: '60',
    back: 'view=blocks&q=a',
  };
  const answer = await post(relay, fields, { accept: 'text/html' });
  expect(answer.status).toBe(303);
  const location = new URL(answer.headers.get('location') ?? '', 'http://localhost');
  expect(location.pathname).toBe('/operator');
  expect(Object.fromEntries(location.searchParams)).toEqual({
    view: 'blocks',
    q: 'a',
    by: 'ada',
    said: 'the rule acme is blocked for 1 minute',
  });
});

test.each([
  ['a page of another site', { origin: 'https://evil.example' }, 403, 'foreign_origin'],
  ['a page without an origin', { origin: 'null' }, 403, 'foreign_origin'],
  ['another port of this machine', { origin: 'http://127.0.0.1:1' }, 403, 'foreign_origin'],
  ['a request of another site', { 'sec-fetch-site': 'cross-site' }, 403, 'foreign_origin'],
  ['a proxy', { 'x-forwarded-for': '203.0.113.7' }, 403, 'foreign_origin'],
])('an action of %s is refused, and nothing is done', async (_, headers: Fields, status, code) => {
  const relay = await openRelay();
  const { token } = await reportOf(relay);
  const answer = await post(
    relay,
    { token, by: 'ada', action: 'block', target: 'rule:a', seconds: '60' },
    headers,
  );
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([status, code]);
  expect((await reportOf(relay)).blocks).toEqual([]);
});

test.each([
  ['no token', {}],
  ['a token of another process', { token: 'x'.repeat(32) }],
])('an action with %s is refused', async (_, token: Fields) => {
  const relay = await openRelay();
  const answer = await post(relay, { ...token, by: 'ada', action: 'block', target: 'rule:a', seconds: '60' });
  expect(answer.status).toBe(401);
  expect((await reportOf(relay)).blocks).toEqual([]);
});

test('an action without an origin is refused, and a GET does nothing', async () => {
  const relay = await openRelay();
  const { token } = await reportOf(relay);
  const words = new URLSearchParams({ token, by: 'ada', action: 'block', target: 'rule:a', seconds: '60' });
  const head = `POST /operator/act HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${String(words).length}\r\n\r\n${String(words)}`;
  using raw = await openRaw(relay.internalPort, head);
  expect(await raw.closed).toContain(' 403 ');
  const got = await fetch(`http://127.0.0.1:${relay.internalPort}/operator/act?${words.toString()}`);
  expect(got.status).toBe(404);
  expect((await reportOf(relay)).blocks).toEqual([]);
});

test.each(['/operator', '/operator.json'])('%s is for people on this machine alone', async (path) => {
  const relay = await openRelay({ env: { INTERNAL_HOST: '0.0.0.0' } });
  using _ = await openAgent(relay.port, 'build-1');
  const ask = (headers: Readonly<Record<string, string>>, from?: string) => {
    const lines = Object.entries({ Host: 'localhost', Connection: 'close', ...headers });
    const text = [`GET ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`), '', ''].join(
      '\r\n',
    );
    return openRaw(relay.internalPort, text, from).then(({ closed }) => closed);
  };
  expect(await ask({})).toMatch(/^HTTP\/1.1 200 [\s\S]*build-1/);
  for (const [status, answer] of [
    [403, await ask({ Host: 'evil.example:9090' })],
    [403, await ask({ Origin: 'https://evil.example' })],
    [403, await ask({ 'Sec-Fetch-Site': 'cross-site' })],
    [403, await ask({ 'X-Forwarded-For': '203.0.113.7' })],
    [401, await ask({}, '127.0.0.6')],
    [401, await ask({ 'Converge-Peer': `${Date.now()}.${'A'.repeat(43)}` })],
  ] as const) {
    expect(answer).toContain(` ${status} `);
    expect(answer).not.toContain('build-1');
  }
  expect((await fetch(`http://127.0.0.1:${relay.port}${path}`)).status).toBe(404);
});

test.each([
  ['GET', '/operator/part'],
  ['POST', '/operator/traffic'],
  ['POST', '/command'],
])('%s %s is for pods with a credential alone', async (method, path) => {
  const relay = await openRelay();
  using agent = await openAgent(relay.port, 'build-1');
  const body = method === 'GET' ? {} : { body: '{"kind":"end_agent","id":"build-1"}' };
  const headers = method === 'GET' ? {} : { 'content-type': 'application/json' };
  const ask = (more: Fields) =>
    fetch(`http://127.0.0.1:${relay.internalPort}${path}`, {
      method,
      ...body,
      headers: { ...headers, ...more },
    });
  expect((await ask({})).status).toBe(401);
  expect((await ask({ 'converge-peer': `${Date.now()}.${'A'.repeat(43)}` })).status).toBe(401);
  expect((await reportOf(relay)).totals['agents']).toBe(1);
  expect(agent.messages).toHaveLength(1);
});

function disposable<Value extends object>(value: Value): Value & Disposable {
  return Object.assign(value, { [Symbol.dispose]: () => undefined });
}
