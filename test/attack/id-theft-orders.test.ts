// A stranger who had the ID of a job before, and may have a grant, wants it back: whatever fails, in whatever order.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import { ClusterKey } from '../../services/relay/hop/cluster-key.ts';
import { memoryFrom } from '../../services/relay/registry/continuity.ts';
import { MemoryStore } from '../../services/relay/registry/memory-registry.ts';
import { RENEW_EVERY_MS } from '../../services/relay/registry/registry.ts';
import { Claimant, ClaimPod, ID } from '../support/relay/id-claimants.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { settle } from '../support/time/poll.ts';

const STALL_MS = 60_000;
/** As long as an agent may be without a link, and a little less. */
const RETURN_WITHIN_MS = LEASE_MS - 1_000;

class World {
  readonly clock = new ManualClock(1_000_000_000);
  readonly key = new ClusterKey(['a secret of at least thirty-two letters']);
  readonly store = new MemoryStore();
  readonly pods = ['a', 'b', 'c'].map((name) => new ClaimPod(name, this));
  readonly job = new Claimant('the job');
  readonly squatter = new Claimant('the squatter');
  readonly thief = new Claimant('the thief');

  pod(index: number): ClaimPod {
    const pod = this.pods[index % this.pods.length];
    if (pod === undefined) throw new Error('no pod');
    return pod;
  }

  /** Time passes, and pods renew as it does. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= RENEW_EVERY_MS) {
      this.clock.advance(Math.min(left, RENEW_EVERY_MS));
      await settle();
      this.hearGrants();
    }
  }

  /** No pod does anything for this long. */
  stall(ms: number): void {
    for (const [id, held] of this.store.held)
      this.store.held.set(id, { ...held, expiresAt: held.expiresAt - ms });
  }

  /** As every pod does after each return of the registry. */
  async renew(): Promise<void> {
    for (const { leases } of this.pods) await leases.restore();
    this.hearGrants();
  }

  hearGrants(): void {
    for (const claimant of [this.job, this.squatter, this.thief]) claimant.hearGrant();
  }
}

/** What can happen to a running job, and does not take its ID from it. */
type Step =
  | { readonly kind: 'stall' | 'abandon' | 'renew' }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'theft' | 'return'; readonly pod: number }
  /** The registry is emptied (a claim looks whether it was), strangers come first; the job's own link may be lost with it. */
  | { readonly kind: 'forget'; readonly pod: number; readonly isAway: boolean }
  | { readonly kind: 'outage'; readonly pod: number; readonly ms: number };

const pod = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('stall', 'abandon', 'renew') }),
  fc.record({ kind: fc.constant('pass'), ms: fc.integer({ min: 1, max: 120_000 }) }),
  fc.record({ kind: fc.constantFrom('theft', 'return'), pod }),
  fc.record({ kind: fc.constant('forget'), pod, isAway: fc.boolean() }),
  fc.record({ kind: fc.constant('outage'), pod, ms: fc.integer({ min: 1, max: RETURN_WITHIN_MS }) }),
);

/** Those who have no link try; how many got the ID. */
async function strangersDial({ squatter, thief, ...world }: World, pod: number): Promise<number> {
  let thefts = 0;
  for (const stranger of [squatter, thief])
    if (!stranger.isLinked && (await stranger.dial(world.pods[pod] as ClaimPod))) thefts += 1;
  return thefts;
}

/** How often a stranger got the ID in it. */
async function take(world: World, happening: Step): Promise<number> {
  const { clock, job, store } = world;
  switch (happening.kind) {
    case 'stall':
      world.stall(STALL_MS);
      return 0;
    case 'forget': {
      if (happening.isAway) job.hangUp('lost');
      clock.advance(1);
      store.held.clear();
      store.memory = { since: clock.wallTime(), knownUntil: clock.wallTime() - RENEW_EVERY_MS };
      clock.advance(1);
      const thefts = await strangersDial(world, happening.pod);
      if (happening.isAway) await job.dial(world.pod(happening.pod + 1));
      return thefts;
    }
    case 'abandon':
      world.pod(0).table.forsake({ id: ID, epoch: store.held.get(ID)?.entry.epoch ?? 0 });
      return 0;
    case 'renew':
      await world.renew();
      return 0;
    case 'pass':
      await world.pass(happening.ms);
      return 0;
    case 'theft':
      return strangersDial(world, happening.pod);
    case 'return':
      await job.dial(world.pod(happening.pod));
      return 0;
    case 'outage': {
      job.hangUp('lost');
      clock.advance(happening.ms);
      const thefts = await strangersDial(world, happening.pod);
      await job.dial(world.pod(happening.pod + 1));
      return thefts;
    }
  }
}

test('the job has its ID after each of them, once its pods have renewed', async () => {
  let thefts = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 300_000 }),
      fc.boolean(),
      fc.array(step, { maxLength: 25 }),
      async (gapMs, saysGoodbye, steps) => {
        const world = new World();
        const stops = world.pods.map(({ leases }) => leases.start());
        world.store.memory = memoryFrom(world.clock.wallTime());
        await world.pass(LEASE_MS);
        // Somebody had the ID before the job began.
        expect(await world.squatter.dial(world.pod(0))).toBe(true);
        await world.pass(20_000);
        world.squatter.hangUp(saysGoodbye ? 'ended' : 'lost');
        await world.pass(gapMs + (saysGoodbye ? 0 : LEASE_MS));
        expect(await world.job.dial(world.pod(1))).toBe(true);
        await world.renew();
        for (const happening of steps) {
          thefts += await take(world, happening);
          await world.renew();
          // A link that was closed as superseded is dialled again.
          if (!world.job.isLinked) await world.job.dial(world.pod(2));
          await world.renew();
          expect(world.store.held.get(ID)?.claimHash).toBe(world.job.claimHash);
          expect(world.job.isLinked).toBe(true);
        }
        for (const stop of stops) stop();
      },
    ),
    { numRuns: 300 },
  );
  // The strangers got something now and then, or the test asks nothing.
  expect(thefts).toBeGreaterThan(0);
});
