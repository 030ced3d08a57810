// The router: from an ID to a stream, or to a clear no.
import { expect, test } from 'vitest';
import {
  AGENT_DIAL_TIMEOUT_MS,
  MAX_PENDING_DIALS_PER_AGENT,
} from '../../../../services/relay/session/pending-dials.ts';
import type { RouteResult } from '../../../../services/relay/session/router.ts';
import { createCore, PEER } from '../../../support/relay/session-core.ts';
import { FakeStream } from '../../../support/stream/fake-stream.ts';
import { settle } from '../../../support/time/poll.ts';

/** The one timer that a link has while nothing happens on it. */
const NEXT_GRANT = 1;

function start(options: { waitMs?: number; id?: string; resumable?: boolean } = {}) {
  const core = createCore();
  const client = new AbortController();
  const ask = (
    overrides: { waitMs?: number } = {},
  ): { result: () => RouteResult | undefined; done: Promise<RouteResult> } => {
    let result: RouteResult | undefined;
    const { id = 'job', waitMs = 0, resumable = false } = { ...options, ...overrides };
    const done = core.router.route({ id, client: '192.0.2.9', resumable, waitMs, signal: client.signal });
    done.then(
      (value) => {
        result = value;
      },
      () => undefined,
    );
    return { result: () => result, done };
  };
  return { ...core, client, ask };
}

const NOT_FOUND = { kind: 'refused', code: 'agent_not_found' };
const UNRESPONSIVE = { kind: 'refused', code: 'agent_unresponsive' };

test('an agent on this pod is dialled, and its stream is the answer', async () => {
  const { link, ask, answer, dials, clock } = start({ resumable: true });
  const { link: control } = await link('job');
  const asked = ask();
  await settle();
  const [dial] = control.dials;
  expect(dial).toMatchObject({ client: '192.0.2.9', resumable: true });
  const stream = answer('job', dial?.ticket ?? '');
  expect(await asked.done).toMatchObject({ kind: 'stream', stream, route: 'local' });
  expect(dials.size).toBe(0);
  expect(clock.pending).toBe(NEXT_GRANT);
});

test('an id that nobody has is refused at once when the client does not wait', async () => {
  const { ask, clock } = start();
  const result = await ask().done;
  expect(result).toMatchObject(NOT_FOUND);
  expect(result).toMatchObject({ message: expect.stringContaining('no agent job') as unknown });
  expect(clock.pending).toBe(0);
});

test('a client waits as long as it asked for, and not longer', async () => {
  const { ask, clock } = start({ waitMs: 30_000 });
  const asked = ask();
  await settle();
  clock.advance(29_999);
  await settle();
  expect(asked.result()).toBeUndefined();
  clock.advance(1);
  expect(await asked.done).toMatchObject(NOT_FOUND);
  expect(clock.pending).toBe(0);
});

test('an agent that comes while a client waits is dialled', async () => {
  const { ask, link, answer } = start({ waitMs: 30_000 });
  const asked = ask();
  await settle();
  const { link: control } = await link('job');
  await settle();
  answer('job', control.dials[0]?.ticket ?? '');
  expect(await asked.done).toMatchObject({ kind: 'stream' });
});

test('the set-up counts from the request, or from when the agent appeared that the client had waited for', async () => {
  const { ask, link, agents, answer, clock } = start({ waitMs: 30_000 });
  const waiting = ask();
  await settle();
  clock.advance(20_000);
  const appearedAt = clock.now();
  const first = await link('job');
  await settle();
  clock.advance(1_000);
  answer('job', first.link.dials[0]?.ticket ?? '');
  expect(await waiting.done).toMatchObject({ knownAt: appearedAt });

  const askedAt = clock.now();
  const served = ask();
  await settle();
  clock.advance(2_000);
  answer('job', first.link.dials[1]?.ticket ?? '');
  expect(await served.done).toMatchObject({ knownAt: askedAt });

  // One that is known and not there is waited for by no wish of the client.
  agents.detach(first.agent, 'lost');
  const lostAt = clock.now();
  const delayed = ask();
  await settle();
  clock.advance(3_000);
  const second = await link('job');
  await settle();
  answer('job', second.link.dials[0]?.ticket ?? '');
  expect(await delayed.done).toMatchObject({ knownAt: lostAt });
});

test('an agent that does not dial is unresponsive after the dial time', async () => {
  const { ask, link, answer, clock, dials } = start({ waitMs: 120_000 });
  const { link: control } = await link('job');
  const asked = ask();
  await settle();
  clock.advance(AGENT_DIAL_TIMEOUT_MS - 1);
  await settle();
  expect(asked.result()).toBeUndefined();
  clock.advance(1);
  expect(await asked.done).toMatchObject(UNRESPONSIVE);
  expect(answer('job', control.dials[0]?.ticket ?? '')).toBeUndefined();
  expect(dials.size).toBe(0);
});

test('an agent that lost its link is waited for, and dialled when it is back', async () => {
  const { ask, link, agents, answer } = start();
  const { agent } = await link('job');
  agents.detach(agent, 'lost');
  const asked = ask();
  await settle();
  expect(asked.result()).toBeUndefined();
  const { link: control } = await link('job');
  await settle();
  answer('job', control.dials[0]?.ticket ?? '');
  expect(await asked.done).toMatchObject({ kind: 'stream' });
});

test('an agent that lost its link and does not come back is unresponsive after the dial time', async () => {
  const { ask, link, agents, clock } = start();
  const { agent } = await link('job');
  agents.detach(agent, 'lost');
  const asked = ask();
  for (let second = 0; second < AGENT_DIAL_TIMEOUT_MS / 1_000; second += 1) {
    await settle();
    expect(asked.result()).toBeUndefined();
    clock.advance(1_000);
  }
  expect(await asked.done).toMatchObject(UNRESPONSIVE);
  expect(clock.pending).toBe(0);
});

test('an agent that said goodbye is not there', async () => {
  const { ask, link, agents } = start();
  const { agent } = await link('job');
  agents.detach(agent, 'ended');
  expect(await ask().done).toMatchObject(NOT_FOUND);
});

test('a link that is lost during the dial means another dial, within the same dial time', async () => {
  const { ask, link, agents, answer, clock } = start();
  const first = await link('job');
  const asked = ask();
  await settle();
  clock.advance(6_000);
  agents.detach(first.agent, 'lost');
  await settle();
  const second = await link('job');
  await settle();
  expect(second.link.dials).toHaveLength(1);
  expect(answer('job', first.link.dials[0]?.ticket ?? '')).toBeUndefined();
  clock.advance(4_000);
  expect(await asked.done).toMatchObject(UNRESPONSIVE);
  expect(answer('job', second.link.dials[0]?.ticket ?? '')).toBeUndefined();
});

test('a newer link of the same agent takes over a dial that the older one did not answer', async () => {
  const { ask, link, answer } = start();
  await link('job');
  const asked = ask();
  await settle();
  const second = await link('job');
  await settle();
  const stream = answer('job', second.link.dials[0]?.ticket ?? '');
  expect(await asked.done).toMatchObject({ kind: 'stream', stream, route: 'local' });
});

test.each(['while it waits for the agent', 'while the agent dials'])(
  'a client that goes %s is forgotten',
  async (when) => {
    const { agents, ask, link, client, clock, dials } = start({ waitMs: 30_000 });
    if (when === 'while the agent dials') await link('job');
    const asked = ask();
    await settle();
    client.abort();
    expect(await asked.done).toEqual({ kind: 'abandoned' });
    expect(dials.size).toBe(0);
    expect(clock.pending).toBe(agents.size);
  },
);

test('a client that has gone before it was asked for is not dialled for', async () => {
  const { ask, link, client } = start();
  const { link: control } = await link('job');
  client.abort();
  expect(await ask().done).toEqual({ kind: 'abandoned' });
  expect(control.dials).toEqual([]);
});

test('too many clients of one agent are refused, those of another are not', async () => {
  const { ask, link, router, client, clock } = start();
  await link('job');
  await link('other');
  for (let count = 0; count < MAX_PENDING_DIALS_PER_AGENT; count += 1) ask();
  await settle();
  expect(await ask().done).toMatchObject({ kind: 'refused', code: 'rate_limited' });
  let isRefused = false;
  const other = router.route({
    id: 'other',
    client: 'x',
    resumable: false,
    waitMs: 0,
    signal: client.signal,
  });
  void other.then(() => {
    isRefused = true;
  });
  await settle();
  expect(isRefused).toBe(false);
  clock.advance(AGENT_DIAL_TIMEOUT_MS);
  await other;
});

test('a registry that fails is the caller’s to explain', async () => {
  const { ask, registry } = start();
  registry.lookup = () => Promise.reject(new Error('down'));
  await expect(ask().done).rejects.toThrow('down');
});

test('a registry that fails does not keep a client from an agent on this pod', async () => {
  const { ask, link, registry, answer } = start();
  const { link: control } = await link('job');
  registry.lookup = () => Promise.reject(new Error('down'));
  const asked = ask();
  await settle();
  answer('job', control.dials[0]?.ticket ?? '');
  expect(await asked.done).toMatchObject({ kind: 'stream' });
});

test('an agent on another pod is dialled there, and its stream comes over the hop', async () => {
  const { ask, there, orders, dials, key } = start({ resumable: true });
  await there.claim('job', 'hash', PEER);
  const asked = ask();
  await settle();
  expect(orders).toMatchObject([{ address: PEER.address, id: 'job', client: '192.0.2.9', resumable: true }]);
  const [nonce] = JSON.parse(key.open(orders[0]?.ticket ?? '') ?? '[]') as [string];
  const stream = new FakeStream();
  dials.redeem(nonce)?.give(stream, 'waiting');
  expect(await asked.done).toMatchObject({ kind: 'stream', stream, route: 'waiting' });
});

test.each([
  ['is known to be gone', false],
  ['does not answer', true],
])('an agent whose pod %s is waited for, and dialled where it comes back', async (_, alive) => {
  const { ask, there, cluster, orders, link, answer } = start();
  await there.claim('job', 'hash of job', PEER);
  cluster.alive.set(PEER.address, alive);
  cluster.outcome = { kind: 'unreachable' };
  const asked = ask();
  await settle();
  expect(orders).toHaveLength(alive ? 1 : 0);
  const { link: control } = await link('job');
  await settle();
  answer('job', control.dials[0]?.ticket ?? '');
  expect(await asked.done).toMatchObject({ kind: 'stream', route: 'local' });
});

test('an agent whose pod is gone and that does not come back is unresponsive after the dial time', async () => {
  const { ask, there, cluster, clock } = start();
  await there.claim('job', 'hash', PEER);
  cluster.alive.set(PEER.address, false);
  const asked = ask();
  for (let second = 0; second < AGENT_DIAL_TIMEOUT_MS / 1_000; second += 1) {
    await settle();
    expect(asked.result()).toBeUndefined();
    clock.advance(1_000);
  }
  expect(await asked.done).toMatchObject(UNRESPONSIVE);
});
