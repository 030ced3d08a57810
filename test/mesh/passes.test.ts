// Passes over several pods: an agent that one pod has let in is known to all of them, also when its proof is good no more.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { tokenMakerFrom } from '#shared/identity/token-maker.ts';
import { type ClusterPod, RelayCluster } from '../support/mesh/relay-cluster.ts';
import { TcpBalancer } from '../support/mesh/tcp-balancer.ts';
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts';
import { EchoAgent } from '../support/relay/echo-agent.ts';
import { TestPolicy } from '../support/relay/test-policy.ts';
import { until } from '../support/time/poll.ts';

let redis: RedisServer;
let cluster: RelayCluster;
let policy: TestPolicy;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());
beforeEach(() => {
  cluster = new RelayCluster(redis);
  policy = new TestPolicy({ agents: 1, lifetimeMs: 3_600_000 });
});
afterEach(() => cluster[Symbol.asyncDispose]());

/** Two pods behind one address that leads to the first until the test says otherwise. */
async function twoPods(): Promise<{
  readonly pods: readonly [ClusterPod, ClusterPod];
  readonly port: number;
  readonly leadTo: (pod: ClusterPod) => void;
}> {
  const options = { gateParts: policy.parts };
  const pods = [await cluster.pod(options), await cluster.pod(options)] as const;
  let ready: ClusterPod = pods[0];
  const targets = pods.map((pod) => ({ port: pod.port, isReady: () => Promise.resolve(pod === ready) }));
  const balancer = cluster.guest(new TcpBalancer(targets));
  await balancer.start();
  return {
    pods,
    port: balancer.port,
    leadTo: (pod) => {
      ready = pod;
    },
  };
}

test('an agent moves to another pod when its own drains, with its pass alone', async () => {
  const { pods, port, leadTo } = await twoPods();
  const [first, second] = pods;
  let asked = 0;
  const prover = {
    makersFor: () => {
      asked += 1;
      return Promise.resolve(tokenMakerFrom('good', 'the token of the test'));
    },
  };
  const agent = cluster.guest(new EchoAgent({ id: 'job', linkPort: port, prover }));
  await agent.linked();
  expect([agent.pod, asked]).toEqual([first.name, 1]);
  policy.isGood = false;
  leadTo(second);
  await first.relay.stop();
  await agent.linked(2);
  expect([agent.pod, asked]).toEqual([second.name, 1]);
  expect(agent.troubles).toEqual([]);
  expect(await second.metric('converge_admissions_total{role="agent",rule="rule",by="pass"}')).toBe(1);
  // What is left of its time goes on from the first pod's word.
  const [before, after] = agent.welcomes.map(({ lifetimeMs }) => lifetimeMs);
  expect(after).toBeLessThanOrEqual(before ?? 0);
  expect(after).toBeGreaterThan(0);
});

test('an agent whose rule is gone is asked for a proof again, and ends if it has none that counts', async () => {
  const { pods, port, leadTo } = await twoPods();
  const prover = { makersFor: () => Promise.resolve(tokenMakerFrom('good', 'the token of the test')) };
  const agent = cluster.guest(new EchoAgent({ id: 'job', linkPort: port, prover }));
  await agent.linked();
  policy.isGood = false;
  const { current } = policy.source;
  const renamed = current?.agents?.map((rule) => ({ ...rule, name: 'another' }));
  if (current !== undefined) policy.source.current = { ...current, agents: renamed };
  leadTo(pods[1]);
  await pods[0].relay.stop();
  await until('it has failed', () => agent.failure !== undefined);
  expect(agent.failure).toMatchObject({ kind: 'refused', patienceMs: 0 });
  expect(agent.failure?.message).toContain('token_unknown');
});
