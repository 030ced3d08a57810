// A Redis that dies, hangs, forgets or refuses to write: live sessions never notice, and all is as before once it is back.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { useMesh } from '../support/mesh/mesh.ts';
import type { EchoAgent } from '../support/relay/echo-agent.ts';
import { EchoAgent as Agent } from '../support/relay/echo-agent.ts';
import { type EchoSession, refusalOf } from '../support/relay/echo-session.ts';
import { openClient } from '../support/relay/relay.ts';
import { until } from '../support/time/poll.ts';

const UNAVAILABLE = { status: 503, code: 'registry_unavailable' };

const mesh = useMesh();

let agents: EchoAgent[];
let sessions: EchoSession[];

/** One agent on each pod, with a resumable and a plain session from each pod. */
beforeEach(async () => {
  agents = await Promise.all(mesh.pods.map((pod) => mesh.agent(`on-${pod.name}`, { linkPort: pod.port })));
  sessions = [];
  for (const { id } of agents) {
    for (const { port } of mesh.pods)
      sessions.push(await mesh.resumable(id, port), await mesh.plain(id, port));
  }
  await expectUnnoticed();
});
afterEach(async () => {
  await mesh.redis.resume();
});

/** Nobody lost a transport: not even a plain session ended, not even a resumable one had to resume. */
async function expectUnnoticed(): Promise<void> {
  await Promise.all(sessions.map((session) => session.exchange(20_000)));
  for (const agent of agents) {
    expect(agent.losses).toEqual([]);
    expect(agent.events.filter((event) => event !== 'opened' && event !== 'finished')).toEqual([]);
  }
}

/** A client on the agent's own pod gets in; one on another pod is told why not. */
async function expectLocalOnly(): Promise<void> {
  for (const agent of agents) {
    const home = mesh.pod(agent.pod);
    await (await mesh.plain(agent.id, home.port)).exchange(1_000);
    for (const { port } of mesh.others(home.name)) {
      expect(await refusalOf(openClient(port, agent.id))).toEqual(UNAVAILABLE);
    }
  }
}

async function expectReachable(what: string): Promise<void> {
  const since = Date.now();
  for (const { id } of agents) await mesh.reachable(id);
  console.log(`${what}: every ID reachable from every pod after ${Date.now() - since} ms`);
}

describe('a redis', () => {
  test.for([
    { what: 'that is killed and comes back empty', keep: false },
    { what: 'that is killed and comes back with what it held', keep: true },
  ])('$what', async ({ what, keep }) => {
    if (keep) await mesh.redis.call('SAVE');
    await mesh.redis.kill();
    await expectUnnoticed();
    await expectLocalOnly();
    // An agent that comes now is told to try again, and does.
    const late = mesh.guest(new Agent({ id: 'late', linkPort: mesh.balancer.port }));
    await until('it was refused', () => late.troubles.length > 0);
    expect(late.troubles[0]?.message).toContain('registry_unavailable');
    await mesh.redis.restart({ keep });
    await expectReachable(what);
    await late.linked();
    await mesh.reachable('late');
    await expectUnnoticed();
  });

  test('that restarts empty under clients who wait lets them in when their agent is registered again', async () => {
    const [agent] = agents;
    const pod = mesh.pod('pod-2');
    await mesh.redis.restart({ keep: false });
    await (
      await until('a client gets in', () => mesh.plain(agent?.id ?? '', pod.port, 20).catch(() => undefined))
    ).exchange(1_000);
    await expectReachable('that restarts empty');
    await expectUnnoticed();
  });

  test('that answers nothing for longer than a call may take', async () => {
    await mesh.redis.pause();
    await expectLocalOnly();
    await expectUnnoticed();
    await mesh.redis.resume();
    await expectReachable('that answers again');
    await expectUnnoticed();
  });

  test('that is read-only', async () => {
    await mesh.redis.call('REPLICAOF', '127.0.0.1', '1');
    const late = mesh.guest(new Agent({ id: 'while-read-only', linkPort: mesh.balancer.port }));
    await until('it was refused', () => late.troubles.length > 0);
    expect(late.troubles[0]?.message).toContain('registry_unavailable');
    await expectUnnoticed();
    await mesh.redis.call('REPLICAOF', 'NO', 'ONE');
    await late.linked();
    await expectReachable('that takes writes again');
    await expectUnnoticed();
  });

  test('that is full takes no new agent, and leads to those it has', async () => {
    const policy = ['SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '1'];
    await mesh.redis.call('CONFIG', ...policy);
    const late = mesh.guest(new Agent({ id: 'while-full', linkPort: mesh.balancer.port }));
    await until('it was refused', () => late.troubles.length > 0);
    expect(late.troubles[0]?.message).toContain('registry_unavailable');
    await expectReachable('that is full');
    await expectUnnoticed();
    await mesh.redis.call('CONFIG', 'SET', 'maxmemory', '0');
    await late.linked();
    await mesh.reachable('while-full');
  });

  test('that is down when a pod starts', async () => {
    const pod = mesh.pod('pod-3');
    await mesh.redis.kill();
    await pod.end('SIGKILL');
    await pod.start();
    expect(await pod.isReady()).toBe(true);
    expect(await refusalOf(openClient(pod.port, 'on-pod-1'))).toEqual(UNAVAILABLE);
    await mesh.redis.restart({ keep: false });
    const moved = agents.find(({ id }) => id === 'on-pod-3');
    await moved?.linked(2);
    await expectReachable('that is down at start');
    for (const { id } of agents) await mesh.reachable(id);
    await Promise.all(
      sessions.filter(({ ended }) => ended === undefined).map((session) => session.exchange(10_000)),
    );
  });
});
