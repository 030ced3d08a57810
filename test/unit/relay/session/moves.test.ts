// Agents that move while somebody looks for them: the claim with the highest epoch is followed, wherever it leads.
import { expect, test } from 'vitest';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import type { RouteResult } from '../../../../services/relay/session/router.ts';
import { createCore, PEER, SELF } from '../../../support/relay/session-core.ts';
import { LINKED } from '../../../support/relay/tenure.ts';
import { settle } from '../../../support/time/poll.ts';

/** The one timer that a link has while nothing happens on it. */
const NEXT_GRANT = 1;

const THIRD = { pod: 'pod-c', address: '10.0.0.3:9090' };
const SECOND_MS = 1_000;

function start() {
  const core = createCore();
  const route = (): Promise<RouteResult> =>
    core.router.route({
      id: 'job',
      client: '192.0.2.9',
      resumable: true,
      waitMs: 0,
      signal: new AbortController().signal,
    });
  /** Lets a second pass, and all that it brings about. */
  const passSecond = async (): Promise<void> => {
    await settle();
    core.clock.advance(SECOND_MS);
    await settle();
  };
  return { ...core, route, passSecond };
}

test('a link that is dead without anybody knowing is given up once the agent has claimed elsewhere', async () => {
  const { link, route, there, orders, passSecond, agents } = start();
  const { link: dead } = await link('job');
  void route();
  await passSecond();
  expect(dead.dials).toHaveLength(1);
  await there.claim('job', 'hash of job', PEER);
  await passSecond();
  expect(dead.closes).toEqual(['superseded']);
  expect(agents.size).toBe(0);
  expect(orders.map(({ address }) => address)).toEqual([PEER.address]);
});

test('a link whose claim was registered again with a higher epoch is not given up', async () => {
  const { link, route, there, passSecond, agents, leases } = start();
  const { link: control } = await link('job');
  void route();
  await settle();
  // Another pod has the ID with the same epoch, as after a registry that forgot: this one outranks it.
  await there.release('job', 1);
  await there.restore('job', 'hash of job', PEER, 1, LINKED);
  await leases.restore();
  await passSecond();
  expect(control.closes).toEqual([]);
  expect(agents.get('job')?.epoch).toBe(2);
  expect(control.dials.length).toBeGreaterThanOrEqual(2);
});

test('a pod that took the order and lost the agent after it is asked no more once the agent is elsewhere', async () => {
  const { route, there, orders, passSecond, link, answer } = start();
  await there.claim('job', 'hash of job', PEER);
  const routed = route();
  await passSecond();
  expect(orders).toHaveLength(1);
  const { link: control } = await link('job');
  await passSecond();
  answer('job', control.dials[0]?.ticket ?? '');
  expect(await routed).toMatchObject({ kind: 'stream', route: 'local' });
  expect(orders).toHaveLength(1);
});

test('a stream that comes in time ends the search for a newer claim', async () => {
  const { route, link, answer, clock } = start();
  const { link: control } = await link('job');
  const routed = route();
  await settle();
  answer('job', control.dials[0]?.ticket ?? '');
  await routed;
  expect(clock.pending).toBe(NEXT_GRANT);
});

test('a pod that has not seen the link of a fresh claim yet is asked again a moment later', async () => {
  const { route, there, orders, cluster, passSecond } = start();
  await there.claim('job', 'hash of job', PEER);
  cluster.outcome = { kind: 'not_here' };
  void route();
  await passSecond();
  await passSecond();
  expect(orders.length).toBeGreaterThanOrEqual(2);
});

test('an agent that is not on its pod keeps its ID; one whose pod is gone keeps it for as long as clients wait', async () => {
  const { route, there, cluster, clock, registry } = start();
  await there.claim('job', 'hash of job', PEER);
  cluster.outcome = { kind: 'not_here' };
  void route();
  await settle();
  clock.advance(LEASE_MS + 1);
  expect(await registry.claim('job', 'hash of a stranger', SELF)).toEqual({ kind: 'taken' });
  cluster.outcome = { kind: 'unreachable' };
  await there.renew([{ id: 'job', epoch: 1 }]);
  void route();
  await settle();
  expect(await registry.claim('job', 'hash of a stranger', SELF)).toEqual({ kind: 'taken' });
  clock.advance(LEASE_MS + 1);
  expect(await registry.claim('job', 'hash of a stranger', SELF)).toMatchObject({ kind: 'claimed' });
});

test('a claim with a lower epoch, made after the registry lost the higher one, is found all the same', async () => {
  const { route, there, orders, link, agents, passSecond, registry } = start();
  for (let claim = 0; claim < 3; claim += 1) await there.claim('job', 'hash of job', THIRD);
  const { agent } = await link('job');
  agents.detach(agent, 'lost');
  void route();
  await settle();
  await registry.release('job', agent.epoch);
  await there.claim('job', 'hash of job', PEER);
  await passSecond();
  expect(orders.map(({ address }) => address)).toContain(PEER.address);
});

test('the table tells when its last agent has gone', async () => {
  const { agents, link, there, leases } = start();
  await agents.empty();
  const first = await link('job');
  const second = await link('other');
  let isEmpty = false;
  const told = agents.empty().then(() => {
    isEmpty = true;
  });
  agents.detach(first.agent, 'ended');
  await settle();
  expect(isEmpty).toBe(false);
  // Its ID was claimed again, elsewhere.
  await there.claim('other', 'hash of other', PEER);
  await leases.reassert(second.agent);
  await told;
  expect(second.agent.gone.aborted).toBe(true);
  // The link closes a little later; by then it is not the table's any more.
  agents.detach(second.agent, 'superseded');
  expect(agents.size).toBe(0);
});
