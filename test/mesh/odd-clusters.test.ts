// Clusters that are set up oddly (bad input): clocks apart, names twice, a secret that is being replaced.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import { TAKEN_PATIENCE_MS } from '../../services/agent/relay/link-failure.ts';
import { RENEW_EVERY_MS } from '../../services/relay/registry/registry.ts';
import { type ClusterPod, RelayCluster } from '../support/mesh/relay-cluster.ts';
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts';
import { EchoAgent } from '../support/relay/echo-agent.ts';
import { refusalOf } from '../support/relay/echo-session.ts';
import { openClient } from '../support/relay/relay.ts';
import { until } from '../support/time/poll.ts';
import { SkippingClock } from '../support/time/skipping-clock.ts';

const OLD = 'the secret that was used until today';
const NEW = 'the secret that is used from today on';

let redis: RedisServer;
let cluster: RelayCluster;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());
beforeEach(() => {
  cluster = new RelayCluster(redis);
});
afterEach(() => cluster[Symbol.asyncDispose]());

let count = 0;

/** An agent on either pod, its streams on either, and a client on either: all of it works. */
async function expectMesh(pods: readonly [ClusterPod, ClusterPod]): Promise<void> {
  for (const agentPod of pods) {
    for (const streamPod of pods) {
      count += 1;
      const id = `job-${count}`;
      await cluster.agent(id, agentPod, { streamPort: streamPod.port });
      for (const clientPod of pods) await (await cluster.client(id, clientPod)).exchange(20_000);
    }
  }
}

test('pods whose clocks are 30 s apart work together', async () => {
  await expectMesh([
    await cluster.pod({ clock: new SkippingClock(15_000) }),
    await cluster.pod({ clock: new SkippingClock(-15_000) }),
  ]);
});

test('two pods with one POD_ID work together: it is the address that leads to a pod', async () => {
  const pods = [await cluster.pod({ name: 'twin' }), await cluster.pod({ name: 'twin' })] as const;
  await expectMesh(pods);
  const [here, there] = pods;
  const agent = await cluster.agent('moving', here);
  for (const pod of pods) pod.clock.skip(RENEW_EVERY_MS);
  await (await cluster.client('moving', there)).exchange(1_000);
  expect(agent.losses).toEqual([]);
});

test.for([
  { step: 'each pod learns the new secret and uses the old one', first: OLD, second: `${OLD},${NEW}` },
  {
    step: 'each pod uses the new secret and still takes the old one',
    first: `${OLD},${NEW}`,
    second: `${NEW},${OLD}`,
  },
  { step: 'each pod forgets the old secret', first: `${NEW},${OLD}`, second: NEW },
])('a secret is replaced without a gap: $step', async ({ first, second }) => {
  await expectMesh([await cluster.pod({ secret: first }), await cluster.pod({ secret: second })]);
});

test('two agents with one ID: the second is told why, and gives up after one lease', async () => {
  const [here, there] = [await cluster.pod(), await cluster.pod()];
  const first = await cluster.agent('job', here);
  const clock = new SkippingClock();
  const second = cluster.guest(new EchoAgent({ id: 'job', linkPort: there.port, clock }));
  await until('it is told', () => second.troubles.length > 0);
  expect(second.troubles[0]).toMatchObject({ kind: 'refused' });
  expect(second.troubles[0]?.message).toContain('ID job is taken by a running agent');
  // Its patience is longer than a lease, so that the next run of a job gets the ID of the one before.
  expect(TAKEN_PATIENCE_MS).toBeGreaterThan(LEASE_MS);
  await until('it gives up', () => {
    clock.skip(1_000);
    return second.failure !== undefined;
  });
  expect(second.failure).toMatchObject({ kind: 'refused' });
  expect(second.welcomes).toEqual([]);
  await (await cluster.client('job', there)).exchange(1_000);
  expect(first.losses).toEqual([]);
});

test('the next run of a job gets its ID as soon as the lease of the one before is over', async () => {
  const [here, there] = [await cluster.pod(), await cluster.pod()];
  const first = await cluster.agent('job', here);
  const second = cluster.guest(new EchoAgent({ id: 'job', linkPort: there.port }));
  await until('it is told', () => second.troubles.length > 0);
  // The first one's machine is gone: nobody renews any more, and time passes.
  await here.relay.stop();
  await redis.call('PEXPIRE', 'converge:agent:{job}', '1');
  await second.linked();
  expect(first.claim).not.toBe(second.claim);
  expect(await refusalOf(openClient(there.port, 'unknown'))).toMatchObject({ status: 404 });
  await (await cluster.client('job', there)).exchange(1_000);
});

test('an agent that moved while redis forgot it is not released by the pod that it left', async () => {
  const [here, there] = [await cluster.pod(), await cluster.pod()];
  const first = await cluster.agent('job', here);
  await redis.call('FLUSHALL');
  const second = await cluster.agent('job', there, { claim: first.claim });
  expect(second.welcomes[0]?.epoch).toBeGreaterThan(first.welcomes[0]?.epoch ?? 0);
  await first[Symbol.asyncDispose]();
  await until('the old link is gone', () => here.log.some(({ msg }) => msg === 'agent unlinked'));
  await (await cluster.client('job', here)).exchange(1_000);
});
