// The agents of a pod: who is in charge of an ID, and what becomes of its lease.
import { expect, test, vi } from 'vitest';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import { MAX_RESUMABLE_STREAMS } from '#shared/resume/limits.ts';
import { RENEW_EVERY_MS } from '../../../../services/relay/registry/registry.ts';
import { RegistryUnavailable } from '../../../../services/relay/registry/registry-unavailable.ts';
import { createCore, FakeLink, PEER, SELF } from '../../../support/relay/session-core.ts';
import { LINKED } from '../../../support/relay/tenure.ts';
import { settle } from '../../../support/time/poll.ts';

/** The one timer that a link has while nothing happens on it. */
const NEXT_GRANT = 1;

test('a link that is attached is found, counted and logged', async () => {
  const { agents, link, recorder, lines } = createCore();
  const { agent } = await link('job');
  expect(agents.get('job')).toBe(agent);
  expect([...agents]).toEqual([agent]);
  expect(agents.size).toBe(1);
  expect(recorder.calls).toEqual([['agentLinked']]);
  expect(lines).toEqual([
    { level: 'info', message: 'agent linked', fields: { id: 'job', epoch: 1, address: '192.0.2.1' } },
  ]);
});

test('a newer link supersedes the older one, whose end changes nothing', async () => {
  const { agents, link, registry } = createCore();
  const older = await link('job');
  const newer = await link('job');
  expect(older.link.closes).toEqual(['superseded']);
  expect(older.agent.gone.aborted).toBe(true);
  expect(agents.get('job')).toBe(newer.agent);
  agents.detach(older.agent, 'superseded');
  expect(agents.get('job')).toBe(newer.agent);
  agents.detach(older.agent, 'ended');
  expect(await registry.lookup('job')).toMatchObject({ epoch: 2 });
});

test('an older claim that is opened later does not supersede a newer one', async () => {
  const { agents, recorder } = createCore();
  const attachment = { id: 'job', claimHash: 'hash', address: '192.0.2.1', tenure: LINKED };
  const newerLink = new FakeLink();
  const newer = agents.attach({ ...attachment, epoch: 2, link: newerLink });
  const olderLink = new FakeLink();
  const older = agents.attach({ ...attachment, epoch: 1, link: olderLink });
  expect(agents.get('job')).toBe(newer);
  expect(newerLink.closes).toEqual([]);
  expect(olderLink.closes).toEqual(['superseded']);
  expect(older.gone.aborted).toBe(true);
  agents.detach(older, 'superseded');
  expect(agents.get('job')).toBe(newer);
  expect(recorder.calls).toEqual([['agentLinked'], ['agentLinked'], ['agentUnlinked', 'superseded']]);
});

test('what an agent says of its clients is summed as far as it can be true, and forgotten with its link', async () => {
  const { agents, link } = createCore();
  const { agent } = await link('job');
  const other = await link('other');
  await link('silent');
  agents.heard(agent, { type: 'status', clients: 2, detached: 1, expiresAt: 0 });
  agents.heard(other.agent, { type: 'status', clients: 1e15, detached: 1e15, expiresAt: 0 });
  expect(agents.clients).toEqual({ all: 2 + MAX_RESUMABLE_STREAMS, detached: 1 + MAX_RESUMABLE_STREAMS });
  agents.detach(other.agent, 'lost');
  expect(agents.clients).toEqual({ all: 2, detached: 1 });
});

test('what became of a session is counted, and leaves the status as it is', async () => {
  const { agents, link, recorder } = createCore();
  const { agent } = await link('job');
  agents.heard(agent, { type: 'resumption', outcome: 'given_up', afterMs: 120_000 });
  expect(recorder.calls.at(-1)).toEqual(['resumptionReported', 'given_up', 120]);
  expect(agent.status).toBeUndefined();
});

test('an agent that said goodbye frees its id at once', async () => {
  const { agents, link, registry, recorder, lines, clock } = createCore();
  const { agent } = await link('job');
  clock.advance(2_500);
  agents.detach(agent, 'ended');
  expect(agents.size).toBe(0);
  expect(agent.gone.aborted).toBe(true);
  await settle();
  expect(await registry.lookup('job')).toBeUndefined();
  expect(recorder.calls.at(-1)).toEqual(['agentUnlinked', 'ended']);
  expect(lines.at(-1)).toMatchObject({
    message: 'agent unlinked',
    fields: { id: 'job', reason: 'ended', seconds: 2.5 },
  });
});

test('an agent is gone with its link, unless another pod has a later one, or nobody knows', async () => {
  const { agents, link, registry } = createCore();
  const { agent } = await link('job');
  agents.detach(agent, 'ended');
  expect(await agents.isGone(agent)).toBe(true);
  const { agent: back } = await link('job');
  await registry.claim('job', back.claimHash, PEER);
  agents.detach(back, 'ended');
  expect(await agents.isGone(back)).toBe(false);
  vi.spyOn(registry, 'lookup').mockRejectedValue(new RegistryUnavailable('away'));
  expect(await agents.isGone(agent)).toBe(false);
});

test.each([
  'lost',
  'unanswered_ping',
  'restart',
  'going_away',
  'fault',
  'stuck',
  'too_big',
  'not_json',
] as const)('an agent that ends with %s keeps its id for a lease', async (reason) => {
  const { agents, link, registry, clock } = createCore();
  const { agent } = await link('job');
  agents.detach(agent, reason);
  await settle();
  expect(await registry.claim('job', 'stranger', PEER)).toEqual({ kind: 'taken' });
  clock.advance(LEASE_MS);
  expect(await registry.lookup('job')).toBeUndefined();
});

test('leases are renewed as long as their link is there', async () => {
  const { agents, link, registry, clock, leases } = createCore();
  const stop = leases.start();
  const { agent } = await link('job');
  for (let time = 0; time < 3 * LEASE_MS; time += RENEW_EVERY_MS) {
    clock.advance(RENEW_EVERY_MS);
    await settle();
  }
  expect(await registry.lookup('job')).toMatchObject(SELF);
  agents.detach(agent, 'lost');
  for (let time = 0; time < LEASE_MS; time += RENEW_EVERY_MS) {
    clock.advance(RENEW_EVERY_MS);
    await settle();
  }
  expect(await registry.lookup('job')).toBeUndefined();
  stop();
  stop();
  expect(clock.pending).toBe(0);
});

test('a lease that has moved on closes the link here', async () => {
  const { link, there, clock, leases } = createCore();
  const stop = leases.start();
  const { link: control } = await link('job', 'hash');
  await there.claim('job', 'hash', PEER);
  clock.advance(RENEW_EVERY_MS);
  await settle();
  expect(control.closes).toEqual(['superseded']);
  stop();
});

test('an agent that says goodbye while it is registered again leaves its ID to others after a lease', async () => {
  const { agents, link, registry, there, clock, leases } = createCore();
  const { agent, link: control } = await link('job', 'hash');
  const answered = Promise.withResolvers<undefined>();
  const restore = registry.restore.bind(registry);
  registry.restore = async (...args) => {
    const outcome = await restore(...args);
    await answered.promise;
    return outcome;
  };
  await registry.release('job', agent.epoch);
  // Of the same agent on its way to another pod: the epoch is raised over it.
  await there.claim('job', 'hash', PEER);
  const restoring = leases.restore();
  await settle();
  expect(await registry.lookup('job')).toMatchObject({ ...SELF, epoch: agent.epoch + 1 });
  agents.detach(agent, 'ended');
  answered.resolve(undefined);
  await restoring;
  clock.advance(LEASE_MS);
  expect(await registry.lookup('job')).toBeUndefined();
  expect(control.closes).toEqual([]);
});

test('a lease that was lost and that nobody has taken is registered again', async () => {
  const { link, registry, clock, leases } = createCore();
  const stop = leases.start();
  const { agent, link: control } = await link('job');
  await registry.release('job', agent.epoch);
  clock.advance(RENEW_EVERY_MS);
  await settle();
  expect(control.closes).toEqual([]);
  expect(await registry.lookup('job')).toMatchObject({ ...SELF, epoch: agent.epoch });
  stop();
});

test('a registry that fails is logged, and asked again', async () => {
  const { link, registry, lines, clock, leases } = createCore();
  const stop = leases.start();
  await link('job');
  const renew = registry.renew.bind(registry);
  registry.renew = () => Promise.reject(new Error('down'));
  clock.advance(RENEW_EVERY_MS);
  await settle();
  expect(lines.at(-1)).toMatchObject({ level: 'warn', message: 'leases not renewed' });
  registry.renew = renew;
  for (let time = 0; time < LEASE_MS; time += RENEW_EVERY_MS) {
    clock.advance(RENEW_EVERY_MS);
    await settle();
  }
  expect(await registry.lookup('job')).toMatchObject(SELF);
  stop();
});

test('a goodbye while the registry fails is no unhandled rejection', async () => {
  const { agents, link, registry, lines } = createCore();
  const { agent } = await link('job');
  registry.release = () => Promise.reject(new Error('down'));
  agents.detach(agent, 'ended');
  await settle();
  expect(lines.at(-1)).toMatchObject({ level: 'warn', fields: { id: 'job' } });
});

test('a stop during a renewal is the last of it', async () => {
  const { link, registry, clock, leases } = createCore();
  const stop = leases.start();
  await link('job');
  const answer = Promise.withResolvers<readonly string[]>();
  registry.renew = () => answer.promise;
  clock.advance(RENEW_EVERY_MS);
  stop();
  answer.resolve([]);
  await settle();
  expect(clock.pending).toBe(NEXT_GRANT);
});
