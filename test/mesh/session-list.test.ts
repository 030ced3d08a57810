// GET /sessions: what an SRE sees of the agents and sessions of one pod, and of all of them.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Cluster, Peer } from '../../services/relay/kubernetes/cluster.ts';
import { standalone } from '../../services/relay/kubernetes/standalone.ts';
import { type ClusterPod, RelayCluster } from '../support/mesh/relay-cluster.ts';
import { networkAddress } from '../support/network/network-address.ts';
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts';
import { openResumableSession } from '../support/relay/echo-session.ts';
import { startRelay } from '../support/relay/relay.ts';
import { until } from '../support/time/poll.ts';

const NETWORK = networkAddress();

let redis: RedisServer;
let cluster: RelayCluster;
let here: ClusterPod;
let there: ClusterPod;
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
  [here, there] = await Promise.all([cluster.pod({ cluster: view }), cluster.pod({ cluster: view })]);
});
afterEach(() => cluster[Symbol.asyncDispose]());

async function listOf(pod: ClusterPod, query = ''): Promise<unknown> {
  const answer = await fetch(`http://${pod.address}/sessions${query}`);
  expect(answer.headers.get('content-type')).toContain('application/json');
  return answer.json();
}

test('each pod lists its agents and its ends of the sessions, with the way they take and their bytes', async () => {
  await cluster.agent('job', here, { streamPort: there.port });
  const plain = await cluster.client('job', here);
  const resumable = cluster.guest(await openResumableSession(there.port, 'job'));
  await plain.exchange(1_000);
  await resumable.exchange(2_000);
  const since = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
  const client = '127.0.0.1';
  const handle = expect.stringMatching(/^[\w-]{12}$/) as string;
  const bytes = { toAgent: plain.sent, toClient: plain.sent };
  expect(await listOf(here)).toEqual({
    pod: 'pod-1',
    address: here.address,
    draining: false,
    agents: [
      {
        id: 'job',
        epoch: expect.any(Number) as number,
        since,
        address: client,
        clients: 0,
        detached: 0,
        expiresAt: null,
      },
    ],
    sessions: [{ id: 'job', handle, client, since, route: 'waiting', resumable: false, ...bytes }],
  });
  expect(await listOf(there)).toMatchObject({
    pod: 'pod-2',
    agents: [],
    sessions: [
      { id: 'job', route: 'forwarding', resumable: false, ...bytes },
      // Its frames count as bytes.
      { id: 'job', route: 'local', resumable: true, toAgent: expect.any(Number) as number },
    ],
  });
  plain[Symbol.dispose]();
  await until('it is listed no more', async () =>
    JSON.stringify(await listOf(here)).includes('"sessions":[]'),
  );
});

test('any pod lists them all, and names those that cannot be asked', async () => {
  await cluster.agent('job', there);
  const nobody = { name: 'pod-3', address: '127.0.0.1:1' };
  peers = [{ name: 'pod-1', address: here.address }, { name: 'pod-2', address: there.address }, nobody];
  expect(await listOf(here, '?cluster=1')).toMatchObject({
    pods: [
      { pod: 'pod-1', agents: [] },
      { pod: 'pod-2', agents: [{ id: 'job' }] },
      { pod: 'pod-3', address: nobody.address, unreachable: expect.any(String) as string },
    ],
  });
});

// On loopback nobody is asked who they are.
test.skipIf(NETWORK === undefined)('over a network pods ask each other as pods of this cluster', async () => {
  const env = { HOST: '0.0.0.0', CLUSTER_SECRET: 'a secret that both of these pods have' };
  const asked = await startRelay({ env: { ...env, POD_ADDRESS: `${NETWORK}:1` } });
  cluster.guest(asked);
  const stranger = await startRelay({
    env: { ...env, POD_ADDRESS: `${NETWORK}:2`, CLUSTER_SECRET: 'x'.repeat(32) },
  });
  cluster.guest(stranger);
  const addresses = [asked, stranger].map(({ internalPort }) => `${NETWORK}:${internalPort}`);
  const view: Cluster = {
    ...standalone,
    peers: () => addresses.map((address) => ({ name: 'pod', address })),
  };
  const asking = cluster.guest(await startRelay({ env, cluster: view }));
  const answer = await fetch(`http://127.0.0.1:${asking.internalPort}/sessions?cluster=1`);
  expect(await answer.json()).toMatchObject({
    pods: [
      { agents: [] },
      { pod: 'pod-test', address: `${NETWORK}:1`, agents: [] },
      { address: addresses[1], unreachable: 'it answers with status 401' },
    ],
  });
  expect(await stranger.metric('converge_peer_rejections_total{verdict="forged"}')).toBe(1);
});

test('it is not on the public listener', async () => {
  const answer = await fetch(`http://127.0.0.1:${here.port}/sessions`);
  expect(answer.status).toBe(404);
});
