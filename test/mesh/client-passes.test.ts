// Sessions of clients that a policy has let in: they go on through another pod by their pass, and where that does not count, by a new proof.
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { openClientProgram } from '../support/clients/test-program.ts';
import { type ClusterPod, RelayCluster } from '../support/mesh/relay-cluster.ts';
import { TcpBalancer } from '../support/mesh/tcp-balancer.ts';
import type { ClientProgram } from '../support/process/client-program.ts';
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts';
import { ClientPolicy } from '../support/relay/client-policy.ts';
import { until } from '../support/time/poll.ts';

let redis: RedisServer;
let cluster: RelayCluster;
let policy: ClientPolicy;
let pods: readonly ClusterPod[];
/** By its number, whether a pod gets new connections. */
let ready: boolean[];
let balancer: TcpBalancer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

beforeEach(async () => {
  cluster = new RelayCluster(redis);
  policy = new ClientPolicy({ seal: cluster.key });
  const { parts: gateParts } = policy;
  pods = [await cluster.pod({ gateParts }), await cluster.pod({ gateParts })];
  ready = [true, false];
  balancer = new TcpBalancer(
    pods.map(({ port }, n) => ({ port, isReady: () => Promise.resolve(ready[n] === true) })),
  );
  await balancer.start();
});
afterEach(async () => {
  await balancer[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

/** Sends that many random bytes, and takes them back. */
async function exchange({ child }: ClientProgram, count: number): Promise<void> {
  const sent = randomBytes(count);
  const received: Buffer[] = [];
  const take = (chunk: Buffer): void => {
    received.push(chunk);
  };
  child.stdout.on('data', take);
  child.stdin.write(sent);
  await until('all came back', () => Buffer.concat(received).equals(sent));
  child.stdout.off('data', take);
}

async function openSession(): Promise<ClientProgram> {
  const [pod] = pods;
  if (pod === undefined) throw new Error('no pod');
  await cluster.agent('job', pod);
  const program = openClientProgram('wsproxy', [`ws://127.0.0.1:${balancer.port}/client/job`], {
    CONVERGE_TOKEN: 'good',
  });
  onTestFinished(() => void program.child.kill('SIGKILL'));
  await exchange(program, 10_000);
  return program;
}

/** From here on through the other pod. */
function move(): void {
  ready = [false, true];
  balancer.cut();
}

function admitted(by: 'pass' | 'proof'): Promise<number> | undefined {
  return pods[1]?.metric(`converge_admissions_total{role="client",rule="${policy.rule}",by="${by}"}`);
}

test('a session goes on through another pod by the pass of the first, without a proof', async () => {
  const program = await openSession();
  expect(policy.checked).toHaveLength(1);
  move();
  await exchange(program, 100_000);
  expect(policy.checked).toHaveLength(1);
  expect([await admitted('pass'), await admitted('proof')]).toEqual([1, 0]);
  program.child.stdin.end();
  expect(await program.exit).toBe(0);
});

test('a session whose pass does not count any more goes on by a new proof', async () => {
  const program = await openSession();
  policy.rule = 'another';
  move();
  await exchange(program, 100_000);
  expect(policy.checked).toHaveLength(2);
  expect([await admitted('pass'), await admitted('proof')]).toEqual([0, 1]);
  // From here on by the new pass.
  balancer.cut();
  await exchange(program, 100_000);
  expect(policy.checked).toHaveLength(2);
});

test('a session that is not let in any more ends, and its person reads why', async () => {
  const program = await openSession();
  policy.rule = 'another';
  policy.admitsToken = false;
  move();
  program.child.stdin.write('x');
  expect(await program.exit).toBe(3);
  expect(program.errors()).toMatch(
    /^wsproxy: the connection broke: \S+ refused: no rule has this token \(token_unknown\)\n$/,
  );
});

test('a session that would need another kind of proof than there is ends, and its person reads what would do', async () => {
  const program = await openSession();
  policy.rule = 'another';
  policy.kinds = ['certificate'];
  move();
  program.child.stdin.write('x');
  expect(await program.exit).toBe(3);
  expect(program.errors()).toMatch(
    /^wsproxy: the connection broke: \S+ asks clients who they are: it takes an SSH certificate: [^\n]+\n$/,
  );
});
