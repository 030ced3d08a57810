// Pods that die, leave, or cannot be reached any more (docs/architecture.md, "What happens when a pod dies"): who was there goes on elsewhere.
import { expect, test } from 'vitest';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import { RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import { EVENTUALLY_MS, type Mesh, useMesh } from '../support/mesh/mesh.ts';
import type { EchoSession } from '../support/relay/echo-session.ts';
import { closeOf, socketOf } from '../support/relay/fake-agent.ts';
import { openClient } from '../support/relay/relay.ts';
import { until } from '../support/time/poll.ts';

/** Longer than any step takes: what happens at its end is in drain-timeout.test.ts. */
const mesh = useMesh({ DRAIN_TIMEOUT_SECONDS: '90' });

/** Sessions that between them run through every pod, as client pod, stream pod, or both. */
async function openEverywhere(world: Mesh, id: string): Promise<EchoSession[]> {
  const sessions: EchoSession[] = [];
  for (let count = 0; count < 6; count += 1) sessions.push(await world.resumable(id));
  await Promise.all(sessions.map((session) => session.exchange(200_000)));
  return sessions;
}

async function expectAlive(sessions: readonly EchoSession[]): Promise<void> {
  await Promise.all(sessions.map((session) => session.exchange(200_000)));
}

test('a pod that is killed: its sessions resume, its agents claim again, and new clients get in', async () => {
  const agents = await Promise.all(['kill-a', 'kill-b', 'kill-c'].map((id) => mesh.agent(id)));
  const sessions = (await Promise.all(agents.map(({ id }) => openEverywhere(mesh, id)))).flat();
  const victim = mesh.pod('pod-2');
  const movers = agents.filter(({ pod }) => pod === victim.name);
  expect(movers.length).toBe(1);

  await victim.end('SIGKILL');
  const since = Date.now();
  const fresh = await Promise.all(agents.map(({ id }) => mesh.plain(id)));
  await expectAlive(fresh);
  await expectAlive(sessions);
  console.log(
    `kill -9: ${sessions.length} sessions and ${fresh.length} new ones alive after ${Date.now() - since} ms`,
  );
  for (const agent of movers) {
    await agent.linked(2);
    expect(agent.losses).toEqual(['lost']);
    expect(agent.pod).not.toBe(victim.name);
  }
  expect(sessions.filter(({ ended }) => ended !== undefined)).toEqual([]);
});

test('new clients wait for the claim of an agent whose pod was killed, on every pod that is left', async () => {
  const network = await mesh.network();
  const agent = await mesh.agent('awaited', { linkPort: network.port });
  network.vanish();
  await mesh.pod(agent.pod).end('SIGKILL');
  const others = mesh.others(agent.pod);
  const waiting = Promise.all(others.map(({ port }) => mesh.plain('awaited', port)));
  await mesh.awaited('awaited', others.length);
  // The dead pod's entry is on its way out: it is kept for the agent for one lease.
  const left = await mesh.redis.call('PTTL', 'converge:agent:{awaited}');
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(LEASE_MS);
  network.restore();
  for (const session of await waiting) await session.exchange(1_000);
  await agent.linked(2);
});

test('a pod that is told to go sends its resumable sessions elsewhere, lets plain ones end, and exits 0', async () => {
  const network = await mesh.network();
  const agent = await mesh.agent('rollout', { linkPort: network.port });
  const pod = mesh.pod(agent.pod);
  const resumable = await Promise.all([
    mesh.resumable('rollout'),
    mesh.resumable('rollout'),
    mesh.resumable('rollout'),
  ]);
  const plain = await mesh.plain('rollout', pod.port);
  const told = socketOf(await openClient(pod.port, 'rollout', { protocols: [RESUME, STREAM] }));
  told.resume();
  const close = closeOf(told);
  await expectAlive([...resumable, plain]);

  const exit = pod.end('SIGTERM');
  await until('it is not ready', async () => !(await pod.isReady()));
  expect(await close).toEqual({ code: 1012, reason: 'restart' });
  await agent.linked(2);
  // The new link was up before the old one was closed: it was never without.
  expect(agent.losses).toEqual([]);
  expect(agent.pod).not.toBe(pod.name);
  // The plain session is in nobody's way yet, and new ones are taken elsewhere.
  await plain.exchange(100_000);
  await (await mesh.plain('rollout')).exchange(1_000);
  await expectAlive(resumable);
  plain[Symbol.dispose]();
  expect(await exit).toEqual({ code: 0, signal: null });
  await expectAlive(resumable);
  expect(agent.losses).toEqual([]);
});

test('an agent without a session is never without a link when its pod is told to go', async () => {
  const agent = await mesh.agent('idle');
  const pod = mesh.pod(agent.pod);
  const exit = pod.end('SIGTERM');
  await agent.linked(2);
  expect(await exit).toEqual({ code: 0, signal: null });
  expect(agent.losses).toEqual([]);
  // What the old pod released on its way out was its own claim, not the one that followed.
  await mesh.reachable('idle');
});

test('two pods at once: what is left takes it all', async () => {
  const agents = await Promise.all(['both-a', 'both-b', 'both-c'].map((id) => mesh.agent(id)));
  const sessions = (await Promise.all(agents.map(({ id }) => openEverywhere(mesh, id)))).flat();
  const [first, second] = mesh.pods;
  await Promise.all([first?.end('SIGKILL'), second?.end('SIGTERM')]);
  await expectAlive(sessions);
  for (const { id } of agents) await mesh.reachable(id);
});

test('an agent whose network drops takes its link and its sessions up again when it is back', async () => {
  const network = await mesh.network();
  const agent = await mesh.agent('roaming', { linkPort: network.port });
  const sessions = await Promise.all([mesh.resumable('roaming'), mesh.resumable('roaming')]);
  const plain = await mesh.plain('roaming');
  await expectAlive([...sessions, plain]);
  network.vanish();
  expect(await plain.end()).toMatchObject({ reason: 'agent_gone' });
  await until('the agent knows', () => agent.losses.length > 0);
  const waiting = mesh.plain('roaming');
  await mesh.awaited('roaming');
  network.restore();
  await expectAlive(sessions);
  await (await waiting).exchange(1_000);
  await agent.linked(2);
  expect(agent.events.filter((event) => event === 'resumed').length).toBeGreaterThanOrEqual(2);
});

test('an ingress that reloads is a lost transport to everybody, and nothing more', async () => {
  const agents = await Promise.all(['ingress-a', 'ingress-b'].map((id) => mesh.agent(id)));
  const sessions = (await Promise.all(agents.map(({ id }) => openEverywhere(mesh, id)))).flat();
  for (let reload = 1; reload <= 3; reload += 1) {
    const before = agents.map(({ welcomes }) => welcomes.length);
    mesh.balancer.cut();
    await expectAlive(sessions);
    await Promise.all(agents.map((agent, index) => agent.linked((before[index] ?? 0) + 1, EVENTUALLY_MS)));
  }
  for (const { id } of agents) await (await mesh.plain(id)).exchange(1_000);
  expect(sessions.filter(({ ended }) => ended !== undefined)).toEqual([]);
});
