// Redis Cluster: IDs live on different servers, slots move, a server is lost and comes back empty.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import { type RedisCluster, startRedisCluster } from '../../support/redis/redis-cluster.ts';
import { type RedisPod, RedisPods } from '../../support/redis/redis-pods.ts';
import { LINKED } from '../../support/relay/tenure.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { until } from '../../support/time/poll.ts';

const IDS = Array.from({ length: 60 }, (_, index) => `job-${index}`);
const LEASES = IDS.map((id) => ({ id, epoch: 1 }));

let cluster: RedisCluster;
let pods: RedisPods;
let here: RedisPod;
let there: RedisPod;

beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});
beforeEach(async () => {
  for (const node of cluster.nodes) await node.call('FLUSHALL');
  pods = new RedisPods(cluster.url);
  here = pods.open();
  there = pods.open();
  await Promise.all([here.ready(), there.ready()]);
});
afterEach(async () => {
  await pods[Symbol.asyncDispose]();
});

test('claims, renewals and lookups find the server of each id', async () => {
  await Promise.all(IDS.map((id) => here.registry.claim(id, 'hash-a', here.owner)));
  for (const node of cluster.nodes) expect(await node.call('DBSIZE')).toBeGreaterThan(5);
  expect(await here.registry.renew(LEASES)).toEqual([]);
  for (const id of IDS) expect(await there.registry.lookup(id)).toMatchObject(here.owner);
  await there.registry.claim('job-7', 'hash-a', there.owner);
  expect(await here.registry.renew(LEASES)).toEqual(['job-7']);
});

test('a wait is woken by a claim, whichever servers the two pods listen on', async () => {
  for (const id of IDS.slice(0, 10)) {
    const looks = (): number => there.calls.filter((call) => call === 'lookup ok').length;
    const before = looks();
    const waiting = there.registry.waitFor(id, 60_000);
    await until('it looked twice', () => looks() >= before + 2);
    await here.registry.claim(id, 'hash-a', here.owner);
    expect(await waiting).toMatchObject(here.owner);
  }
});

test('a slot that moved to another server is followed, also by renewals', async () => {
  const [id] = IDS as [string];
  const key = `converge:agent:{${id}}`;
  const from = await cluster.nodeOf(key);
  const to = (from + 1) % cluster.nodes.length;
  const slot = String(await cluster.nodes[0]?.call('CLUSTER', 'KEYSLOT', key));
  await move(slot, from, to);
  expect(await here.registry.claim(id, 'hash-a', here.owner)).toMatchObject({ kind: 'claimed', epoch: 1 });
  expect(await cluster.nodes[to]?.call('EXISTS', key)).toBe(1);
  expect(await there.registry.renew([{ id, epoch: 1 }])).toEqual([]);
  await cluster.nodes[to]?.call('FLUSHALL');
  await move(slot, to, from);
  expect(await there.registry.renew([{ id, epoch: 1 }])).toEqual([id]);
});

test('a claim that gets through to a server which is back, before anybody says so, is of one that may have forgotten', async () => {
  const clock = new ManualClock(Date.now());
  const pod = pods.open({ clock });
  await until('it is usable, and has looked', () => {
    clock.advance(10);
    return pod.calls.includes('birth ok');
  });
  clock.advance(2 * LEASE_MS);
  let id = '';
  for (const candidate of IDS)
    if ((await cluster.nodeOf(`converge:agent:{${candidate}}`)) === 2) id = candidate;
  const sure = await pod.registry.claim('job', 'hash-a', pod.owner);
  expect(sure.kind === 'claimed' && sure.tenure.eldersBefore).toBe(1);
  const readies = pod.readies();
  await cluster.nodes[2]?.kill();
  await expect(pod.registry.lookup(id)).rejects.toMatchObject({ code: 'registry_unavailable' });
  await cluster.nodes[2]?.restart({ keep: false });
  await cluster.formed();
  // The clock stands still: no probe is due.
  const claimed = await until('a claim gets through', () =>
    pod.registry.claim(id, 'hash-b', pod.owner).catch(() => undefined),
  );
  expect(pod.readies()).toBe(readies);
  expect(claimed.kind === 'claimed' && claimed.tenure.eldersBefore).toBeGreaterThan(1);
});

test('a server that is lost costs only its ids, and what it forgot is restored when it is back', async () => {
  await Promise.all(IDS.map((id) => here.registry.claim(id, 'hash-a', here.owner)));
  const onLost: string[] = [];
  for (const id of IDS) if ((await cluster.nodeOf(`converge:agent:{${id}}`)) === 2) onLost.push(id);
  await cluster.nodes[2]?.kill();
  const [lost = ''] = onLost;
  await expect(here.registry.lookup(lost)).rejects.toMatchObject({ code: 'registry_unavailable' });
  // The others are renewed, and nobody is told that a lease is lost which cannot be asked for.
  expect(await here.registry.renew(LEASES)).toEqual([]);

  const readies = here.readies();
  await cluster.nodes[2]?.restart({ keep: false });
  await cluster.formed();
  await here.ready(readies + 1);
  const missing = await until('all are answered for', async () => {
    const names = await here.registry.renew(LEASES);
    return names.length === onLost.length && names;
  });
  expect(missing).toEqual(onLost);
  for (const id of missing)
    expect(await here.registry.restore(id, 'hash-a', here.owner, 1, LINKED)).toMatchObject({
      kind: 'claimed',
      epoch: 1,
    });
  expect(await here.registry.renew(LEASES)).toEqual([]);
});

async function move(slot: string, from: number, to: number): Promise<void> {
  const nameOf = async (node: number): Promise<string> =>
    String(await cluster.nodes[node]?.call('CLUSTER', 'MYID'));
  const [source, target] = [await nameOf(from), await nameOf(to)];
  // Whoever imports a slot gets a newer epoch with it: what the one before says of the slot until it is told counts no more.
  await cluster.nodes[to]?.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source);
  for (const node of [cluster.nodes[to], ...cluster.nodes])
    await node?.call('CLUSTER', 'SETSLOT', slot, 'NODE', target);
}
