// A stranger knows the ID of a running job, and wants it: they claim it on every pod while pods and Redis fail.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import { EVENTUALLY_MS, useMesh } from '../support/mesh/mesh.ts';
import type { MeshPod } from '../support/mesh/mesh-pod.ts';
import { ageEntries } from '../support/redis/redis-age.ts';
import type { EchoAgent } from '../support/relay/echo-agent.ts';
import { openAgent } from '../support/relay/fake-agent.ts';
import { IdThief } from '../support/relay/id-thief.ts';
import { until } from '../support/time/poll.ts';

/** A stall that an ID must outlast, in milliseconds. */
const STALL_MS = 60_000;

const mesh = useMesh({ TRUST_PROXY: 'loopback' });
let count = 0;
let id: string;

beforeEach(() => {
  count += 1;
  id = `job-${count}`;
});
afterEach(async () => {
  await mesh.redis.resume();
});

function thiefOn(pods: readonly MeshPod[]): IdThief {
  return mesh.guest(
    new IdThief(
      id,
      pods.map(({ port }) => port),
    ),
  );
}

/** The job has its ID on every pod, and the stranger nowhere. */
async function expectKept(agent: EchoAgent, thief: IdThief): Promise<void> {
  await mesh.reachable(id);
  await until('the thief has nothing', () => !thief.hasIt, EVENTUALLY_MS);
  expect(agent.failure).toBeUndefined();
}

test('an owner that stalls for a minute keeps the ID, however many clients ask for it meanwhile', async () => {
  const owner = mesh.pod('pod-1');
  const agent = await mesh.agent(id, { linkPort: owner.port });
  const session = await mesh.plain(id, owner.port);
  owner.signal('SIGSTOP');
  try {
    const others = mesh.others(owner.name);
    const thief = thiefOn(others);
    // Each of them sends an order that nobody answers; once that was enough to lose the ID.
    const asking = others.map(({ port }) => mesh.plain(id, port).catch(() => undefined));
    await Promise.all(
      others.map((pod) =>
        until(
          'an order went unanswered',
          async () => (await pod.metric('converge_dial_order_seconds_count{outcome="failed"}')) > 0,
          EVENTUALLY_MS,
        ),
      ),
    );
    await ageEntries(mesh.redis, STALL_MS);
    await thief.refused();
    expect(thief.wins).toBe(0);
    owner.signal('SIGCONT');
    await Promise.all(asking);
    await session.exchange(10_000);
    await expectKept(agent, thief);
    expect(thief.wins).toBe(0);
    expect(agent.losses).toEqual([]);
  } finally {
    owner.signal('SIGCONT');
  }
});

test('an order that the owner refuses takes nobody off the ID', async () => {
  const owner = mesh.pod('pod-1');
  const agent = await mesh.agent(id, { linkPort: owner.port });
  // An order with an address of this length is over the limit of its body: the owner answers 413, or never gets it.
  const headers = { 'x-forwarded-for': 'f'.repeat(6_000) };
  await Promise.all(
    mesh.others(owner.name).map((pod) => mesh.plain(id, pod.port, 0, headers).catch(() => undefined)),
  );
  await ageEntries(mesh.redis, 20_000);
  const thief = thiefOn(mesh.pods);
  await thief.refused();
  expect(thief.wins).toBe(0);
  await expectKept(agent, thief);
  expect(agent.losses).toEqual([]);
});

test('a pod that is killed keeps the ID for its agent for a lease', async () => {
  const network = await mesh.network();
  const agent = await mesh.agent(id, { linkPort: network.port });
  network.vanish();
  await mesh.pod(agent.pod).end('SIGKILL');
  const thief = thiefOn(mesh.others(agent.pod));
  await thief.refused();
  await ageEntries(mesh.redis, LEASE_MS - 20_000);
  await thief.refused();
  network.restore();
  await agent.linked(2);
  await expectKept(agent, thief);
  expect(thief.wins).toBe(0);
});

test.for([1, 2])('a redis that comes back empty, time %i: the agent wins, whoever claims first', async () => {
  const agent = await mesh.agent(id);
  const session = await mesh.plain(id, mesh.pod(agent.pod).port);
  const thief = thiefOn(mesh.pods);
  await thief.refused();
  await mesh.redis.kill();
  await mesh.redis.restart({ keep: false });
  await thief.refused();
  await expectKept(agent, thief);
  await session.exchange(10_000);
  expect(agent.losses).toEqual([]);
});

test('a redis that comes back empty with another pod under the agent: its grant outranks the thief', async () => {
  const network = await mesh.network();
  const agent = await mesh.agent(id, { linkPort: network.port });
  const dead = mesh.pod(agent.pod);
  await mesh.redis.kill();
  network.vanish();
  await dead.end('SIGKILL');
  await mesh.redis.restart({ keep: false });
  const thief = thiefOn(mesh.others(dead.name));
  await until('the thief has it', () => thief.hasIt, EVENTUALLY_MS);
  network.restore();
  await agent.linked(2, EVENTUALLY_MS);
  await expectKept(agent, thief);
});

test('a redis that is away for minutes, and the pod of the agent with it: the agent is the first afterwards', async () => {
  const agent = await mesh.agent(id);
  await mesh.redis.kill();
  const first = mesh.pod(agent.pod);
  await first.end('SIGKILL');
  const thief = thiefOn(mesh.others(first.name));
  await until('the agent is refused', () => agent.troubles.length > 0, EVENTUALLY_MS);
  expect(thief.wins).toBe(0);
  await mesh.redis.restart({ keep: false });
  await agent.linked(2, EVENTUALLY_MS);
  await expectKept(agent, thief);
});

test('a redis that fails over to a state before the claim gives the ID back to the agent', async () => {
  await mesh.redis.call('SAVE');
  const agent = await mesh.agent(id);
  await mesh.redis.kill();
  await mesh.redis.restart({ keep: true });
  const thief = thiefOn(mesh.pods);
  await until('he was refused, or has it', () => thief.refusals + thief.wins > 0, EVENTUALLY_MS);
  await expectKept(agent, thief);
  expect(agent.losses).toEqual([]);
});

test('a redis that is emptied while everybody is connected gives the ID back at the next renewal', async () => {
  const agent = await mesh.agent(id);
  await mesh.redis.call('FLUSHALL');
  const thief = thiefOn(mesh.pods);
  await until('he was refused, or has it', () => thief.refusals + thief.wins > 0, EVENTUALLY_MS);
  await expectKept(agent, thief);
  expect(agent.losses).toEqual([]);
});

test('who had the ID before the job, and left, cannot take it back with his old grant', async () => {
  const pod = mesh.pod('pod-1');
  const squatter = await openAgent(pod.port, id);
  const [welcome] = squatter.messages;
  const grant = welcome?.type === 'welcome' ? welcome.grant : '';
  expect(grant).not.toBe('');
  squatter.socket.close(1000, 'ended');
  await squatter.closed;
  const agent = await mesh.agent(id);
  const thief = mesh.guest(
    new IdThief(
      id,
      mesh.pods.map(({ port }) => port),
      { claim: squatter.claim, headers: { 'converge-grant': grant } },
    ),
  );
  await thief.refused();
  expect(thief.wins).toBe(0);
  // Nor when nobody can be asked, and not after that either.
  await mesh.redis.kill();
  await until(
    'he gets in on another pod, or is refused',
    () => thief.refusals > 0 || thief.hasIt,
    EVENTUALLY_MS,
  );
  await mesh.redis.restart({ keep: true });
  await expectKept(agent, thief);
  expect(agent.losses).toEqual([]);
});
