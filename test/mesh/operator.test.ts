// The operator's page over three pods: it shows them all, acts on any of them, and what it blocks they all know.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Cluster, Peer } from '../../services/relay/kubernetes/cluster.ts';
import { standalone } from '../../services/relay/kubernetes/standalone.ts';
import { BLOCKS_KNOWN_WITHIN_MS } from '../../services/relay/registry/blocks.ts';
import { type ClusterPod, RelayCluster } from '../support/mesh/relay-cluster.ts';
import { freePort } from '../support/network/ports.ts';
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts';
import { openAgent } from '../support/relay/fake-agent.ts';
import { until } from '../support/time/poll.ts';

interface Report {
  readonly token: string;
  readonly totals: Readonly<Record<string, number>>;
  readonly pods: readonly { readonly pod: string; readonly agents: number }[];
  readonly silent: readonly unknown[];
  readonly agents: readonly { readonly id: string; readonly pod: string; readonly bytes: number }[];
  readonly sessions: readonly { readonly id: string; readonly pod: string; readonly handle: string }[];
  readonly blocks: readonly { readonly target: string }[];
  readonly refusals: readonly { readonly code: string; readonly total: number }[];
}

let redis: RedisServer;
let cluster: RelayCluster;
let pods: readonly [ClusterPod, ClusterPod, ClusterPod];
/** As Kubernetes would name them. */
let peers: Peer[];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());
beforeEach(async () => {
  peers = [];
  const view: Cluster = { ...standalone, peers: () => peers };
  cluster = new RelayCluster(redis);
  pods = await Promise.all([
    cluster.pod({ cluster: view }),
    cluster.pod({ cluster: view }),
    cluster.pod({ cluster: view }),
  ]);
  peers = pods.map(({ name, address }) => ({ name, address }));
});
afterEach(() => cluster[Symbol.asyncDispose]());

async function reportOf(pod: ClusterPod, query = ''): Promise<Report> {
  return (await (await fetch(`http://${pod.address}/operator.json${query}`)).json()) as Report;
}

async function actOn(pod: ClusterPod, fields: Readonly<Record<string, string>>): Promise<unknown> {
  const { token } = await reportOf(pod);
  const origin = `http://${pod.address}`;
  const answer = await fetch(`${origin}/operator/act`, {
    method: 'POST',
    headers: { origin, accept: 'application/json' },
    body: new URLSearchParams({ token, by: 'ada', ...fields }),
  });
  return answer.json();
}

test('any pod shows all, with the bytes of an agent wherever its sessions run, and the one that does not answer', async () => {
  const [one, two, three] = pods;
  await cluster.agent('job-a', one, { streamPort: three.port });
  await cluster.agent('job-b', two);
  const sessions = [await cluster.client('job-a', two), await cluster.client('job-a', three)];
  for (const session of sessions) await session.exchange(10_000);
  await fetch(`http://127.0.0.1:${two.port}/client/nobody`);
  peers.push({ name: 'pod-4', address: `127.0.0.1:${await freePort()}` });
  const report = await reportOf(one, '?sort=id');
  expect(report.totals).toMatchObject({ agents: 2, sessions: 2, refusals: 1 });
  expect(report.agents.map(({ id, pod }) => [id, pod])).toEqual([
    ['job-a', 'pod-1'],
    ['job-b', 'pod-2'],
  ]);
  const moved = sessions.reduce((sum, { sent }) => sum + 2 * sent, 0);
  expect(report.agents.map(({ bytes }) => bytes)).toEqual([moved, 0]);
  expect(report.refusals).toMatchObject([{ code: 'upgrade_required', total: 1 }]);
  expect(report.silent).toMatchObject([
    { pod: 'pod-4', unreachable: expect.stringContaining('ECONNREFUSED') as string },
  ]);
  const listed = (await reportOf(two, '?view=sessions')).sessions;
  expect(listed.map(({ pod }) => pod).sort()).toEqual(['pod-2', 'pod-3']);
});

test('pages of all pods are one list', async () => {
  for (let index = 0; index < 60; index += 1)
    cluster.guest(await openAgent(pods[index % 3]?.port ?? 0, `job-${String(index).padStart(2, '0')}`));
  const ids = [];
  for (const page of [1, 2, 3])
    ids.push(...(await reportOf(pods[0], `?sort=id&size=25&page=${page}`)).agents.map(({ id }) => id));
  expect(ids).toEqual(Array.from({ length: 60 }, (_, index) => `job-${String(index).padStart(2, '0')}`));
});

test('a session and an agent of another pod are ended from here', async () => {
  const [one, two, three] = pods;
  const agent = cluster.guest(await openAgent(two.port, 'job'));
  await cluster.agent('other', three, { streamPort: one.port });
  const session = await cluster.client('other', three);
  await session.exchange(100);
  const [listed] = (await reportOf(one, '?view=sessions')).sessions;
  const { handle = '', pod = '' } = listed ?? {};
  expect(pod).toBe('pod-3');
  expect(await actOn(one, { action: 'end_session', handle, pod })).toMatchObject({ kind: 'done' });
  await until('it is gone on every pod', async () => {
    const { totals, pods: states } = await reportOf(two);
    return (
      totals['sessions'] === 0 && JSON.stringify(states).includes('"forwarding":0') && states.length === 3
    );
  });
  expect(await actOn(one, { action: 'end_agent', id: 'job', pod: 'pod-2' })).toMatchObject({ kind: 'done' });
  expect((await agent.closed).code).toBe(4410);
  expect(await actOn(one, { action: 'end_agent', id: 'job', pod: 'pod-9' })).toMatchObject({
    kind: 'missed',
  });
});

test('what one pod blocks three pods know, by their own clocks within the time that is promised', async () => {
  const [one, two, three] = pods;
  const block = { action: 'block', target: '203.0.113.0/24', seconds: '600' };
  expect(await actOn(one, block)).toMatchObject({ kind: 'done' });
  for (const { clock } of [two, three]) clock.skip(BLOCKS_KNOWN_WITHIN_MS);
  for (const pod of [one, two, three])
    await until(`${pod.name} knows it`, async () => (await reportOf(pod)).blocks.length === 1);
  expect(await actOn(three, { action: 'unblock', target: '203.0.113.7/24' })).toMatchObject({ kind: 'done' });
  for (const { clock } of [one, two]) clock.skip(BLOCKS_KNOWN_WITHIN_MS);
  for (const pod of [one, two, three])
    await until(`${pod.name} knows that it is over`, async () => (await reportOf(pod)).blocks.length === 0);
});

test('while redis is away nothing can be blocked, and it is said', async () => {
  await redis.kill();
  try {
    expect(await actOn(pods[0], { action: 'block', target: 'rule:a', seconds: '60' })).toMatchObject({
      code: 'registry_unavailable',
      message: expect.stringContaining('nothing was changed') as string,
    });
  } finally {
    await redis.restart({ keep: false });
  }
});
