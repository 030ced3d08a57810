// What a stranger writes, says and shows to the pods of a cluster: nothing of it leads anywhere.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ClusterKey } from '../../services/relay/hop/cluster-key.ts';
import { PEER_HEADER, signPeerRequest } from '../../services/relay/hop/peer-credentials.ts';
import { CLOCK_SKEW_MS, sealTicket, type Ticket } from '../../services/relay/hop/ticket.ts';
import { RENEW_EVERY_MS } from '../../services/relay/registry/registry.ts';
import { type ClusterPod, RelayCluster } from '../support/mesh/relay-cluster.ts';
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts';
import { refusalOf } from '../support/relay/echo-session.ts';
import { openAgent, openAgentStream, socketOf } from '../support/relay/fake-agent.ts';
import { handshakeText, openClient, openRaw } from '../support/relay/relay.ts';
import { until } from '../support/time/poll.ts';

const NOT_FOUND = { status: 404, code: 'agent_not_found' };
const UNAUTHORIZED = { status: 401, code: 'unauthorized' };
const OTHER_SECRET = 'a secret that this cluster does not know';

let redis: RedisServer;
let cluster: RelayCluster;
let here: ClusterPod;
let there: ClusterPod;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());
beforeEach(async () => {
  cluster = new RelayCluster(redis);
  [here, there] = await Promise.all([cluster.pod(), cluster.pod()]);
});
afterEach(() => cluster[Symbol.asyncDispose]());

function distrusted(pod: ClusterPod, fault: string): Promise<number> {
  return pod.metric(`converge_registry_entries_distrusted_total{fault="${fault}"}`);
}

/** How often a pod asked another one to dial. */
async function ordersOf(pod: ClusterPod): Promise<number> {
  const counts = ['sent', 'not_here', 'unreachable', 'failed'].map((outcome) =>
    pod.metric(`converge_dial_order_seconds_count{outcome="${outcome}"}`),
  );
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** The answer to a client, with the pod's time moved on while it waits. */
async function answerInTime(pod: ClusterPod, id: string): Promise<unknown> {
  let answer: unknown;
  const asked = refusalOf(openClient(pod.port, id)).then((refusal) => {
    answer = refusal;
  });
  await until('the answer', () => {
    pod.clock.skip(100);
    return answer !== undefined;
  });
  await asked;
  return answer;
}

describe('an entry that a stranger wrote', () => {
  test.for([
    { what: 'of another type', fault: 'wrong_type', words: ['SET', 'converge:agent:{job}', 'hello'] },
    {
      what: 'without our fields',
      fault: 'missing_field',
      words: ['HSET', 'converge:agent:{job}', 'pod', 'pod-1'],
    },
    {
      what: 'of a megabyte',
      fault: 'too_big',
      words: ['HSET', 'converge:agent:{job}', 'address', 'x'.repeat(1_000_000)],
    },
  ])('$what counts as absent, and is counted', async ({ fault, words }) => {
    const [command = '', ...rest] = words;
    await redis.call(command, ...rest);
    expect(await refusalOf(openClient(here.port, 'job'))).toEqual(NOT_FOUND);
    expect(await distrusted(here, fault)).toBeGreaterThan(0);
    // Whoever the ID belongs to gets it.
    await cluster.agent('job', there);
    await (await cluster.client('job', here)).exchange(1_000);
  });

  test('with an address of their choice brings no pod to it', async () => {
    const trap = await cluster.trap();
    await cluster.writeEntry('job', { pod: 'pod-1', address: trap.address }, new ClusterKey([OTHER_SECRET]));
    expect(await refusalOf(openClient(here.port, 'job'))).toEqual(NOT_FOUND);
    expect(await distrusted(here, 'bad_signature')).toBeGreaterThan(0);
    expect(trap.visits()).toBe(0);
  });

  test('over that of a live agent hides it from other pods until its own pod renews, and from no session', async () => {
    const trap = await cluster.trap();
    await cluster.agent('job', there);
    const before = await cluster.client('job', here);
    await redis.call('HSET', 'converge:agent:{job}', 'address', trap.address);
    expect(await refusalOf(openClient(here.port, 'job'))).toEqual(NOT_FOUND);
    await (await cluster.client('job', there)).exchange(1_000);
    there.clock.skip(RENEW_EVERY_MS);
    await (
      await until('it is found again', () => cluster.client('job', here).catch(() => undefined))
    ).exchange(1_000);
    await before.exchange(10_000);
    expect(trap.visits()).toBe(0);
  });

  test('and that a renewal finds gone is written again', async () => {
    const agent = await cluster.agent('job', there);
    await redis.call('FLUSHALL');
    expect(await refusalOf(openClient(here.port, 'job'))).toEqual(NOT_FOUND);
    there.clock.skip(RENEW_EVERY_MS);
    await (
      await until('it is found again', () => cluster.client('job', here).catch(() => undefined))
    ).exchange(1_000);
    expect(agent.losses).toEqual([]);
  });
});

describe('an entry that is ours and wrong', () => {
  const UNRESPONSIVE = { status: 504, code: 'agent_unresponsive' };

  test('since it leads to the pod itself: the client waits for a claim, then is told', async () => {
    await cluster.writeEntry('job', { pod: here.name, address: here.address });
    expect(await answerInTime(here, 'job')).toEqual(UNRESPONSIVE);
    expect(await ordersOf(here)).toBe(0);
  });

  test('since it leads to an address where nobody is: the client waits for a claim, then is told', async () => {
    await cluster.writeEntry('job', { pod: 'pod-9', address: '127.0.0.1:1' });
    expect(await answerInTime(here, 'job')).toEqual(UNRESPONSIVE);
    expect(await here.metric('converge_dial_order_seconds_count{outcome="unreachable"}')).toBeGreaterThan(0);
    // It had no end before.
    expect(await redis.call('PTTL', 'converge:agent:{job}')).not.toBe(-1);
  });

  test('since it leads to a pod without the agent: that one answers for itself, and asks no further', async () => {
    await cluster.writeEntry('job', { pod: there.name, address: there.address });
    expect(await answerInTime(here, 'job')).toEqual(UNRESPONSIVE);
    expect(await here.metric('converge_dial_order_seconds_count{outcome="not_here"}')).toBeGreaterThan(0);
    expect(await ordersOf(there)).toBe(0);
  });

  test('since the agent has moved meanwhile: the client follows', async () => {
    const agent = await openAgent(there.port, 'job');
    // Its link is dead and nobody knows: it answers no dial any more.
    const asked = openClient(here.port, 'job');
    await agent.dial();
    const moved = await cluster.agent('job', here, { claim: agent.claim });
    socketOf(await asked).terminate();
    expect(moved.losses).toEqual([]);
    agent[Symbol.dispose]();
  });
});

describe('a ticket', () => {
  const ticketFor = (pod: ClusterPod, change: Partial<Ticket> = {}): Ticket => ({
    nonce: 'n'.repeat(32),
    id: 'job',
    address: pod.address,
    resumable: false,
    expiresAt: Date.now() + 10_000,
    ...change,
  });

  test('that is forged, sealed elsewhere, expired, or of another agent gets nothing and leads nowhere', async () => {
    const trap = await cluster.trap();
    const stranger = new ClusterKey([OTHER_SECRET]);
    const tickets = {
      forged: 'x'.repeat(100),
      short: 'x',
      sealedElsewhere: sealTicket(stranger, ticketFor(here, { address: trap.address })),
      expired: sealTicket(
        cluster.key,
        ticketFor(here, { address: trap.address, expiresAt: Date.now() - CLOCK_SKEW_MS - 1 }),
      ),
      ofAnother: sealTicket(cluster.key, ticketFor(here, { address: trap.address, id: 'another' })),
      unknownHere: sealTicket(cluster.key, ticketFor(here)),
      unknownThere: sealTicket(cluster.key, ticketFor(there)),
    };
    for (const [what, ticket] of Object.entries(tickets)) {
      expect(await refusalOf(openAgentStream(here.port, 'job', ticket)), what).toEqual(UNAUTHORIZED);
    }
    expect(trap.visits()).toBe(0);
  });

  test('is good once, on any pod, and a second use disturbs nobody', async () => {
    const agent = await openAgent(there.port, 'job');
    const asked = openClient(here.port, 'job');
    const { ticket } = await agent.dial();
    const stream = socketOf(await openAgentStream(there.port, 'job', ticket));
    const client = socketOf(await asked);
    for (const pod of [here, there]) {
      expect(await refusalOf(openAgentStream(pod.port, 'job', ticket))).toEqual(UNAUTHORIZED);
    }
    const got: Buffer[] = [];
    stream.on('message', (data: Buffer) => got.push(data));
    stream.resume();
    client.resume();
    client.send('still here', { binary: true });
    await until('the bytes', () => Buffer.concat(got).toString() === 'still here');
    for (const socket of [client, stream]) socket.terminate();
    agent[Symbol.dispose]();
  });
});

describe('a peer', () => {
  const body = JSON.stringify({ ticket: 'x', client: '192.0.2.1', resumable: false });
  const sign = (key: ClusterKey, method: string, path: string, text: string, now = Date.now()): string =>
    signPeerRequest(key, { method, path, body: text }, now);

  test('without a good credential is refused and counted, on both of its paths', async () => {
    const agent = await openAgent(here.port, 'job');
    const stranger = new ClusterKey([OTHER_SECRET]);
    const stale = Date.now() - CLOCK_SKEW_MS - 60_000;
    const credentials = (method: string, path: string, text: string) =>
      [
        ['missing', undefined],
        ['forged', 'x'],
        ['forged', sign(stranger, method, path, text)],
        ['forged', sign(cluster.key, method, `${path}x`, text)],
        ['forged', sign(cluster.key, method, path, `${text} `)],
        ['stale', sign(cluster.key, method, path, text, stale)],
      ] as const;
    for (const [, credential] of credentials('POST', '/dial/job', body)) {
      const answer = await fetch(`http://${here.address}/dial/job`, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          ...(credential === undefined ? {} : { [PEER_HEADER]: credential }),
        },
      });
      expect(answer.status).toBe(401);
    }
    for (const [, credential] of credentials('GET', '/hop/abc', '')) {
      const headers = credential === undefined ? {} : { [PEER_HEADER]: credential };
      using peer = await openRaw(here.internalPort, handshakeText('/hop/abc', headers));
      expect(await peer.closed).toMatch(/^HTTP\/1\.1 401 /);
    }
    expect(await here.metric('converge_peer_rejections_total{verdict="missing"}')).toBe(2);
    expect(await here.metric('converge_peer_rejections_total{verdict="forged"}')).toBe(8);
    expect(await here.metric('converge_peer_rejections_total{verdict="stale"}')).toBe(2);
    // The agent was told nothing.
    expect(agent.messages.map(({ type }) => type)).toEqual(['welcome']);
    agent[Symbol.dispose]();
  });

  test('finds neither path on the public listener', async () => {
    const credential = sign(cluster.key, 'POST', '/dial/job', body);
    const answer = await fetch(`http://127.0.0.1:${here.port}/dial/job`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', [PEER_HEADER]: credential },
    });
    expect(answer.status).toBe(404);
    const headers = { [PEER_HEADER]: sign(cluster.key, 'GET', '/hop/abc', '') };
    using peer = await openRaw(here.port, handshakeText('/hop/abc', headers));
    expect(await peer.closed).toMatch(/^HTTP\/1\.1 404 /);
  });

  test('with another secret shares a redis with us, and neither finds the agents of the other', async () => {
    const stranger = await cluster.pod({ secret: OTHER_SECRET });
    await cluster.agent('ours', here);
    await cluster.agent('theirs', stranger);
    expect(await refusalOf(openClient(stranger.port, 'ours'))).toEqual(NOT_FOUND);
    expect(await refusalOf(openClient(there.port, 'theirs'))).toEqual(NOT_FOUND);
    await (await cluster.client('ours', there)).exchange(1_000);
    await (await cluster.client('theirs', stranger)).exchange(1_000);
  });
});
