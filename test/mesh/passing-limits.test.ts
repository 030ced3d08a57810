// A pod through which sessions only pass: full, it sends the agent's stream away for a while, and a client elsewhere waits for it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ClusterPod, RelayCluster } from '../support/mesh/relay-cluster.ts';
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts';
import { until } from '../support/time/poll.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

const used = (pod: ClusterPod): Promise<number> => pod.metric('converge_limit_used{limit="pod_sessions"}');

test('what passes through is counted on both pods and given back; past the limit the agent comes again', async () => {
  await using cluster = new RelayCluster(redis);
  const full = await cluster.pod({ env: { MAX_SESSIONS: '1' } });
  const other = await cluster.pod();
  await cluster.agent('job', full);
  const first = await cluster.client('job', other);
  await first.exchange(100_000);
  expect([await used(full), await used(other)]).toEqual([1, 1]);

  const second = cluster.client('job', other);
  await until('the agent was sent away', async () => {
    return (await full.metric('converge_refusals_total{code="overloaded"}')) >= 1;
  });
  await first.exchange(100_000);
  first[Symbol.dispose]();
  await (await second).exchange(100_000);
  expect([await used(full), await used(other)]).toEqual([1, 1]);
  (await second)[Symbol.dispose]();
  await until('nothing is left', async () => (await used(full)) === 0 && (await used(other)) === 0);
  expect(await full.metric('converge_limit_hits_total{limit="pod_sessions"}')).toBe(1);
});
