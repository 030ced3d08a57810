// The agents on a pod and their tenure: who gets an ID that is linked here, and what its agent is handed to prove it.
import { expect, test } from 'vitest';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import { formatGrant, readGrant } from '../../../../services/relay/hop/grant.ts';
import { RENEW_EVERY_MS } from '../../../../services/relay/registry/registry.ts';
import { newTenure, SEEN_NOW } from '../../../../services/relay/registry/tenure.ts';
import { GRANT_EVERY_MS } from '../../../../services/relay/session/agent-table.ts';
import { createCore, FakeLink } from '../../../support/relay/session-core.ts';
import { provenSince } from '../../../support/relay/tenure.ts';
import { settle } from '../../../support/time/poll.ts';

const GRANTEE = { id: 'job', claimHash: 'hash of job' };
const THIEF = { id: 'job', claimHash: 'a thief' };

function grantsOf(link: FakeLink): string[] {
  return link.sent.flatMap((message) => (message.type === 'grant' ? [message.grant] : []));
}

test('a claim of an ID that is linked here is refused without a question, also while the registry is away', async () => {
  const { agents, link, registry } = createCore();
  await link('job');
  registry.claim = () => Promise.reject(new Error('asked'));
  expect(await agents.claim('job', 'a thief')).toEqual({ kind: 'taken' });
  expect(await agents.claim('job', 'a thief', 'no grant')).toEqual({ kind: 'taken' });
  await expect(agents.claim('job', 'hash of job')).rejects.toThrow('asked');
});

test('an elder claim gets an ID that is linked here, and the link of the younger one is superseded', async () => {
  const { agents, link, key, clock } = createCore();
  const { link: thief } = await link('job', 'a thief');
  const elder = provenSince(clock.wallTime() - LEASE_MS, clock.wallTime() - 1_000);
  const claimed = await agents.claim('job', 'hash of job', formatGrant(key, GRANTEE, elder));
  expect(claimed).toMatchObject({ kind: 'claimed', tenure: { ...elder, wonAt: clock.wallTime() } });
  if (claimed.kind === 'taken') throw new Error('taken');
  const older = new FakeLink();
  agents.attach({ ...GRANTEE, ...claimed, address: '192.0.2.1', link: older });
  expect(thief.closes).toEqual(['superseded']);
  expect(older.closes).toEqual([]);
  const now = clock.wallTime();
  const younger = newTenure(now, { since: now, knownUntil: now - RENEW_EVERY_MS });
  expect(await agents.claim('job', 'a thief', formatGrant(key, THIEF, younger))).toEqual({ kind: 'taken' });
});

test('an agent is handed a grant of now for as long as it is linked', async () => {
  const { agents, link, key, clock } = createCore();
  const { agent, link: control } = await link('job');
  const claimedAt = clock.wallTime();
  clock.advance(3 * GRANT_EVERY_MS);
  const seen = grantsOf(control).map((grant) => readGrant(key, GRANTEE, grant)?.seen);
  expect(seen).toEqual([1, 2, 3].map((times) => claimedAt + times * GRANT_EVERY_MS));
  expect(readGrant(key, GRANTEE, agents.grantFor(agent))?.heldSince).toBe(claimedAt);
  agents.detach(agent, 'lost');
  clock.advance(GRANT_EVERY_MS);
  expect(grantsOf(control)).toHaveLength(3);
});

test('what an agent came back with grows no younger by its new link, until the loss is long ago', async () => {
  const { agents, registry, key, clock, lines, leases } = createCore();
  const stop = leases.start();
  const seen = clock.wallTime() - 1_000;
  const proof = provenSince(clock.wallTime() - LEASE_MS, seen);
  const claimed = await agents.claim('job', 'hash of job', formatGrant(key, GRANTEE, proof));
  if (claimed.kind === 'taken') throw new Error('taken');
  const agent = agents.attach({ ...GRANTEE, ...claimed, address: '192.0.2.1', link: new FakeLink() });
  const grantedSeen = (): number | undefined => readGrant(key, GRANTEE, agents.grantFor(agent))?.seen;
  for (let at = 0; at < 2 * LEASE_MS; at += RENEW_EVERY_MS) {
    expect(grantedSeen()).toBe(seen);
    clock.advance(RENEW_EVERY_MS);
    await settle();
  }
  expect(grantedSeen()).toBe(clock.wallTime());
  expect(agent.tenure.seen).toBe(SEEN_NOW);
  // Nothing was lost: nobody reads of it.
  expect(lines.map(({ message }) => message)).toEqual(['agent linked']);
  // The registry knows it too: an elder that had been gone before does not count.
  const again = await registry.claim('job', 'hash of job', { pod: 'pod-b', address: '10.0.0.2:9090' });
  expect(again).toMatchObject({ tenure: { seen: SEEN_NOW } });
  stop();
});

test('an ID whose link is lost is kept for one lease from then, not from the last renewal, nor for longer', async () => {
  const { agents, link, registry, clock } = createCore();
  const { agent } = await link('job');
  clock.advance(RENEW_EVERY_MS - 1);
  agents.detach(agent, 'lost');
  await settle();
  clock.advance(LEASE_MS - 1);
  expect(await registry.lookup('job')).toBeDefined();
  clock.advance(1);
  expect(await registry.lookup('job')).toBeUndefined();
});
