// A stranger had the ID of a job before the job began, gave it up, and wants it back from the job that runs now.
import { beforeEach, expect, test } from 'vitest';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import { ClusterKey } from '../../services/relay/hop/cluster-key.ts';
import { memoryFrom } from '../../services/relay/registry/continuity.ts';
import { MemoryStore } from '../../services/relay/registry/memory-registry.ts';
import { RENEW_EVERY_MS } from '../../services/relay/registry/registry.ts';
import { Claimant, ClaimPod, ID } from '../support/relay/id-claimants.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { settle } from '../support/time/poll.ts';

const HOUR_MS = 3_600_000;

let clock: ManualClock;
let store: MemoryStore;
let pods: readonly [ClaimPod, ClaimPod, ClaimPod];
let job: Claimant;
let squatter: Claimant;

beforeEach(() => {
  clock = new ManualClock(1_000_000_000);
  store = new MemoryStore();
  const world = { clock, store, key: new ClusterKey(['a secret of at least thirty-two letters']) };
  pods = [new ClaimPod('a', world), new ClaimPod('b', world), new ClaimPod('c', world)];
  job = new Claimant('the job');
  squatter = new Claimant('the squatter');
  store.memory = memoryFrom(clock.wallTime() - HOUR_MS);
});

/** Time passes, and the pods that were started renew. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= RENEW_EVERY_MS) {
    clock.advance(Math.min(left, RENEW_EVERY_MS));
    await settle();
    job.hearGrant();
    squatter.hearGrant();
  }
}

/** The registry has forgotten everything, and knows it. */
function forget(): void {
  clock.advance(1);
  store.held.clear();
  store.memory = { since: clock.wallTime(), knownUntil: clock.wallTime() - RENEW_EVERY_MS };
  clock.advance(1);
}

function holder(): string | undefined {
  return store.held.get(ID)?.claimHash;
}

/** As a pod does at a renewal or at the return of the registry; the job's come last. */
async function everyPodLooks(): Promise<void> {
  for (const { leases } of [...pods, ...pods]) await leases.restore();
}

test('a goodbye on one pod, with a link left on another, frees no ID that the other link gets back', async () => {
  const [here, there, third] = pods;
  expect(await squatter.dial(here)).toBe(true);
  clock.advance(1_000);
  const forgotten = new Claimant(squatter.claimHash);
  expect(await forgotten.dial(there)).toBe(true);
  forgotten.hangUp('ended');
  await settle();
  const began = await job.dial(third);
  // Whoever looks next: the pod that has the squatter's first link.
  await everyPodLooks();
  if (began) expect(holder()).toBe(job.claimHash);
  clock.advance(LEASE_MS);
  if (!began) expect(await job.dial(third)).toBe(true);
  await everyPodLooks();
  expect(holder()).toBe(job.claimHash);
  expect(job.isLinked).toBe(true);
});

test('a job whose pod stalls for a minute while the registry is emptied keeps its ID from one with an old grant', async () => {
  const [here, there] = pods;
  const stop = there.leases.start();
  await squatter.dial(there);
  await pass(RENEW_EVERY_MS);
  squatter.hangUp('ended');
  await settle();
  expect(await job.dial(here)).toBe(true);
  await pass(1_000);
  forget();
  expect(await squatter.dial(there)).toBe(true);
  await pass(60_000);
  await here.leases.restore();
  expect(holder()).toBe(job.claimHash);
  await everyPodLooks();
  expect(holder()).toBe(job.claimHash);
  expect(job.isLinked).toBe(true);
  stop();
});

test('a job that began right after a loss of memory is not open to old grants for ever', async () => {
  const [here, there] = pods;
  await squatter.dial(there);
  squatter.hangUp('ended');
  await settle();
  forget();
  const stop = here.leases.start();
  expect(await job.dial(here)).toBe(true);
  await pass(10 * 60_000);
  expect(await squatter.dial(there)).toBe(false);
  expect(holder()).toBe(job.claimHash);
  // Nor where nobody remembers what was found out about it.
  job.hangUp('lost');
  forget();
  await squatter.dial(there);
  expect(await job.dial(here)).toBe(true);
  expect(await squatter.dial(there)).toBe(false);
  stop();
});
