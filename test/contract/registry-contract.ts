// The contract of the registry of agents, R1 to R14 of registry.ts, as tests that any implementation must pass.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import {
  type AgentRegistry,
  type ClaimOutcome,
  type Owner,
  RENEW_EVERY_MS,
  RESERVATION_MS,
} from '../../services/relay/registry/registry.ts';
import { RegistryUnavailable } from '../../services/relay/registry/registry-unavailable.ts';
import { SEEN_NOW, type Tenure } from '../../services/relay/registry/tenure.ts';
import { LINKED, provenSince } from '../support/relay/tenure.ts';

/** One implementation, ready for one test. */
export interface RegistryHarness {
  /** Two pods that share one store, which is empty. */
  readonly registries: readonly [AgentRegistry, AgentRegistry];
  /** How long an ID is reserved here after a renewal, in milliseconds. */
  readonly leaseMs: number;
  /** Lets this much time pass, and what falls due in it happen. */
  advance(ms: number): Promise<void>;
  wallTime(): number;
  /** Empties the store under both registries, which are not told. */
  wipe(): Promise<void>;
  /** Empties the store, as a Redis does that comes back without its data, and lets both registries notice. */
  forget(): Promise<void>;
  /** How many IDs it keeps something of. */
  kept(): Promise<number>;
  /** Takes the store away, where there is one that can go. */
  readonly breakStore?: () => Promise<void>;
  stop(): Promise<void>;
}

const HERE: Owner = { pod: 'pod-a', address: '10.0.0.1:9090' };
const THERE: Owner = { pod: 'pod-b', address: '10.0.0.2:9090' };
const LONG_MS = 5_000;
/** What is to be there still is there for so long, in milliseconds: a store has a clock of its own, which no test stops. */
const SLACK_MS = 20_000;

/** Declares the suite for the implementation that `open` gives. R9 is asked of those whose store can go. */
export function describeRegistry(
  name: string,
  open: () => Promise<RegistryHarness>,
  { canFail }: { readonly canFail: boolean },
): void {
  describe(`the registry contract, kept by ${name}`, () => {
    let harness: RegistryHarness;
    let here: AgentRegistry;
    let there: AgentRegistry;

    beforeEach(async () => {
      harness = await open();
      [here, there] = harness.registries;
    });
    afterEach(async () => {
      await harness.stop();
      await harness.stop();
    });

    test('R1 a claim on a free id gives an epoch, and every pod sees the entry', async () => {
      const outcome = await here.claim('job', 'hash-a', HERE);
      expect(outcome.kind).toBe('claimed');
      if (outcome.kind === 'claimed') expect(outcome.epoch).toBeGreaterThanOrEqual(1);
      expect(await there.lookup('job')).toMatchObject({
        ...HERE,
        ...('epoch' in outcome ? { epoch: outcome.epoch } : {}),
      });
      expect(await there.lookup('another')).toBeUndefined();
    });

    test('R1 ids and owners come back as they were given', async () => {
      const id = `A.${'z'.repeat(120)}_-9`;
      await here.claim(id, 'hash-a', { pod: 'pod with "quotes" and ü', address: '[fd00::1]:9090' });
      expect(await there.lookup(id)).toMatchObject({
        pod: 'pod with "quotes" and ü',
        address: '[fd00::1]:9090',
      });
    });

    test('R2 the same claim moves the id to the new owner and raises the epoch by one', async () => {
      const first = await epochOf(here, 'job', 'hash-a', HERE);
      expect(await there.claim('job', 'hash-a', THERE)).toEqual(claimedAt(first + 1));
      expect(await here.lookup('job')).toMatchObject({ ...THERE, epoch: first + 1 });
      expect(await here.claim('job', 'hash-a', HERE)).toEqual(claimedAt(first + 2));
    });

    test('R3 another claim on a live lease is taken, and changes nothing', async () => {
      await here.claim('job', 'hash-a', HERE);
      const before = await here.lookup('job');
      expect(await there.claim('job', 'hash-b', THERE)).toEqual({ kind: 'taken' });
      expect(await here.claim('job', 'hash-b', HERE)).toEqual({ kind: 'taken' });
      expect(await there.lookup('job')).toEqual(before);
    });

    test('R3 of many claims at once, one wins', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? here : there).claim('job', `hash-${index}`, HERE),
        ),
      );
      expect(outcomes.filter(({ kind }) => kind === 'claimed')).toHaveLength(1);
    });

    test('R3 a refused claim does not extend the lease', async () => {
      await here.claim('job', 'hash-a', HERE);
      await harness.advance(harness.leaseMs / 2);
      await there.claim('job', 'hash-b', THERE);
      await harness.advance(harness.leaseMs * 0.6);
      expect(await there.lookup('job')).toBeUndefined();
    });

    test('R4 a lease that is not renewed is gone, and any claim succeeds', async () => {
      await here.claim('job', 'hash-a', HERE);
      await harness.advance(harness.leaseMs + 1);
      expect(await there.lookup('job')).toBeUndefined();
      expect((await there.claim('job', 'hash-b', THERE)).kind).toBe('claimed');
    });

    test('R4 a claim starts the lease again', async () => {
      await here.claim('job', 'hash-a', HERE);
      await harness.advance(harness.leaseMs * 0.6);
      await there.claim('job', 'hash-a', THERE);
      await harness.advance(harness.leaseMs * 0.6);
      expect(await here.lookup('job')).toMatchObject(THERE);
    });

    test('R5 renew extends the leases that are ours and names the others', async () => {
      const ours = await epochOf(here, 'ours', 'hash-a', HERE);
      const moved = await epochOf(here, 'moved', 'hash-a', HERE);
      await there.claim('moved', 'hash-a', THERE);
      await harness.advance(harness.leaseMs * 0.6);
      const lost = await here.renew([
        { id: 'ours', epoch: ours },
        { id: 'moved', epoch: moved },
        { id: 'never-there', epoch: 1 },
      ]);
      expect([...lost].toSorted()).toEqual(['moved', 'never-there']);
      await harness.advance(harness.leaseMs * 0.6);
      expect(await there.lookup('ours')).toMatchObject({ ...HERE, epoch: ours });
      expect(await there.lookup('moved')).toBeUndefined();
    });

    test('R5 a lease that ran out cannot be renewed', async () => {
      const epoch = await epochOf(here, 'job', 'hash-a', HERE);
      await harness.advance(harness.leaseMs + 1);
      expect(await here.renew([{ id: 'job', epoch }])).toEqual(['job']);
      expect(await here.lookup('job')).toBeUndefined();
    });

    test('R5 renewing nothing loses nothing', async () => {
      expect(await here.renew([])).toEqual([]);
    });

    test('R6 release removes the entry, so that anybody may claim it at once', async () => {
      const epoch = await epochOf(here, 'job', 'hash-a', HERE);
      await here.release('job', epoch);
      await here.release('job', epoch);
      expect(await there.lookup('job')).toBeUndefined();
      expect((await there.claim('job', 'hash-b', THERE)).kind).toBe('claimed');
    });

    test('R6 release of an older epoch changes nothing', async () => {
      const old = await epochOf(here, 'job', 'hash-a', HERE);
      await there.claim('job', 'hash-a', THERE);
      await here.release('job', old);
      expect(await here.lookup('job')).toMatchObject({ ...THERE, epoch: old + 1 });
    });

    test('R6 what has just moved here is kept for its claim for a lease: the owner before may not know yet', async () => {
      await here.claim('job', 'hash-a', HERE);
      const epoch = await epochOf(there, 'job', 'hash-a', THERE);
      await harness.advance(RESERVATION_MS / 2);
      await there.renew([{ id: 'job', epoch }]);
      await harness.advance(RESERVATION_MS / 2 - 1);
      await there.release('job', epoch);
      expect(await here.claim('job', 'hash-b', HERE)).toEqual({ kind: 'taken' });
      await harness.advance(LEASE_MS - SLACK_MS);
      expect(await here.claim('job', 'hash-b', HERE)).toEqual({ kind: 'taken' });
      await harness.advance(SLACK_MS + 1);
      expect((await here.claim('job', 'hash-b', HERE)).kind).toBe('claimed');
    });

    test('R6 what moved here a while ago, and what only came back here, is free at once', async () => {
      await here.claim('moved', 'hash-a', HERE);
      const moved = await epochOf(there, 'moved', 'hash-a', THERE);
      await here.claim('stayed', 'hash-a', HERE);
      await harness.advance(RESERVATION_MS / 2);
      const stayed = await epochOf(here, 'stayed', 'hash-a', HERE);
      await there.renew([{ id: 'moved', epoch: moved }]);
      await harness.advance(RESERVATION_MS / 2);
      await there.release('moved', moved);
      await here.release('stayed', stayed);
      expect((await here.claim('moved', 'hash-b', HERE)).kind).toBe('claimed');
      expect((await here.claim('stayed', 'hash-b', HERE)).kind).toBe('claimed');
    });

    test('R7 waitFor gives an entry that is there at once', async () => {
      const epoch = await epochOf(here, 'job', 'hash-a', HERE);
      expect(await there.waitFor('job', LONG_MS)).toMatchObject({ ...HERE, epoch });
      expect(await there.waitFor('job', 0)).toMatchObject({ ...HERE, epoch });
    });

    test('R7 waitFor is woken by a claim on any pod', async () => {
      const waits = [
        here.waitFor('job', LONG_MS),
        there.waitFor('job', LONG_MS),
        there.waitFor('job', LONG_MS),
      ];
      const bystander = there.waitFor('another', LONG_MS);
      await harness.advance(1);
      await here.claim('job', 'hash-a', HERE);
      for (const entry of await Promise.all(waits)) expect(entry).toMatchObject(HERE);
      await here.claim('another', 'hash-a', HERE);
      expect(await bystander).toMatchObject(HERE);
    });

    test('R7 waitFor waits for an epoch above the given one', async () => {
      const epoch = await epochOf(here, 'job', 'hash-a', HERE);
      const wait = there.waitFor('job', LONG_MS, { afterEpoch: epoch });
      await harness.advance(1);
      await here.claim('job', 'hash-a', THERE);
      expect(await wait).toMatchObject({ ...THERE, epoch: epoch + 1 });
    });

    test('R7 waitFor gives up after the time', async () => {
      const wait = here.waitFor('job', 200);
      await harness.advance(201);
      expect(await wait).toBeUndefined();
      expect(await here.waitFor('job', 0)).toBeUndefined();
      expect(await here.waitFor('job', -1)).toBeUndefined();
    });

    test('R7 waitFor ends early when it is aborted', async () => {
      const control = new AbortController();
      const wait = here.waitFor('job', LONG_MS, { signal: control.signal });
      await harness.advance(1);
      control.abort();
      expect(await wait).toBeUndefined();
      expect(await here.waitFor('job', LONG_MS, { signal: control.signal })).toBeUndefined();
    });

    test('R8 epochs rise while the claim is remembered', async () => {
      const epochs: number[] = [];
      for (let count = 0; count < 5; count += 1) {
        epochs.push(await epochOf(count % 2 === 0 ? here : there, 'job', 'hash-a', HERE));
        await harness.advance(harness.leaseMs * 0.6);
      }
      expect(epochs).toEqual(epochs.toSorted((left, right) => left - right));
      expect(new Set(epochs).size).toBe(epochs.length);
    });

    test('R11 what is abandoned is kept for its claim for one lease from then', async () => {
      const epoch = await epochOf(here, 'job', 'hash-a', HERE);
      await there.abandon('job', epoch);
      await harness.advance(LEASE_MS - SLACK_MS);
      await there.abandon('job', epoch);
      expect(await there.lookup('job')).toMatchObject({ ...HERE, epoch });
      expect(await there.claim('job', 'hash-b', THERE)).toEqual({ kind: 'taken' });
      await harness.advance(SLACK_MS + 1);
      expect(await there.lookup('job')).toBeUndefined();
      expect((await there.claim('job', 'hash-b', THERE)).kind).toBe('claimed');
    });

    test('R4 an id outlasts a pod that stalls for a minute right before it would have renewed', async () => {
      const epoch = await epochOf(here, 'job', 'hash-a', HERE);
      await harness.advance(RENEW_EVERY_MS + 60_000);
      expect(await there.claim('job', 'hash-b', THERE)).toEqual({ kind: 'taken' });
      expect(await here.renew([{ id: 'job', epoch }])).toEqual([]);
    });

    test('R11 abandoning an older epoch changes nothing, and no lease becomes longer by it', async () => {
      const old = await epochOf(here, 'job', 'hash-a', HERE);
      await there.claim('job', 'hash-a', THERE);
      await here.abandon('job', old);
      await harness.advance(harness.leaseMs - SLACK_MS);
      expect(await here.lookup('job')).toMatchObject({ ...THERE, epoch: old + 1 });
      await here.abandon('job', old + 1);
      await harness.advance(SLACK_MS + 1);
      expect(await here.lookup('job')).toBeUndefined();
    });

    test('R11 a pod that is there after all renews what others abandoned', async () => {
      const epoch = await epochOf(here, 'job', 'hash-a', HERE);
      await there.abandon('job', epoch);
      expect(await here.renew([{ id: 'job', epoch }])).toEqual([]);
      await harness.advance(LEASE_MS + 1);
      expect(await there.lookup('job')).toMatchObject({ ...HERE, epoch });
    });

    test('R11 what is abandoned is moved by its own claim as ever', async () => {
      const epoch = await epochOf(here, 'job', 'hash-a', HERE);
      await there.abandon('job', epoch);
      expect(await there.claim('job', 'hash-a', THERE)).toEqual(claimedAt(epoch + 1));
    });

    test('R12 an agent that is linked gets back what the registry forgot, from whoever got it', async () => {
      const epoch = await epochOf(here, 'job', 'hash-a', HERE);
      const proof = { ...(await tenureOf(here, 'job', 'hash-a', HERE)), seen: SEEN_NOW };
      await harness.advance(1);
      await harness.forget();
      await harness.advance(1_000);
      const stranger = await epochOf(there, 'job', 'hash-b', THERE);
      const wait = there.waitFor('job', LONG_MS, { afterEpoch: stranger });
      const outcome = await here.restore('job', 'hash-a', HERE, epoch + 1, proof);
      expect(outcome).toMatchObject({ kind: 'claimed', tenure: { heldSince: proof.heldSince } });
      expect((await wait)?.epoch).toBeGreaterThan(stranger);
      expect(await there.renew([{ id: 'job', epoch: stranger }])).toEqual(['job']);
      expect(await there.lookup('job')).toMatchObject(HERE);
      // However long the stranger has been linked, and although it was, by then.
      expect(await there.restore('job', 'hash-b', THERE, stranger, provenSince(harness.wallTime()))).toEqual({
        kind: 'taken',
      });
    });

    test('R12 the same where nobody was told, right after another loss', async () => {
      await harness.advance(1);
      await harness.forget();
      await harness.advance(1_000);
      const tenure = await tenureOf(here, 'job', 'hash-a', HERE);
      await harness.wipe();
      await harness.advance(1_000);
      await there.claim('job', 'hash-b', THERE);
      expect(await here.restore('job', 'hash-a', HERE, 9, tenure)).toMatchObject({
        kind: 'claimed',
        tenure: { ...tenure, wonAt: harness.wallTime() },
      });
    });

    test('R12 an agent that dials again gets back what the registry forgot, by its grant', async () => {
      const proof = { ...(await tenureOf(here, 'job', 'hash-a', HERE)), seen: harness.wallTime() };
      await harness.advance(1);
      await harness.forget();
      await harness.advance(1_000);
      const stranger = await epochOf(there, 'job', 'hash-b', THERE);
      expect(await there.claim('job', 'hash-a', THERE)).toEqual({ kind: 'taken' });
      const outcome = await here.claim('job', 'hash-a', HERE, proof);
      expect(outcome).toMatchObject({ kind: 'claimed', tenure: { heldSince: proof.heldSince } });
      expect(await there.renew([{ id: 'job', epoch: stranger }])).toEqual(['job']);
      // Once it is there, it is claimed again as ever, with and without the grant.
      expect((await there.claim('job', 'hash-a', THERE)).kind).toBe('claimed');
      expect((await here.claim('job', 'hash-a', HERE, proof)).kind).toBe('claimed');
    });

    test('R12 an id that was given up cannot be taken back from who claimed it then', async () => {
      await harness.advance(LEASE_MS);
      const squatter = await here.claim('job', 'hash-b', HERE);
      if (squatter.kind === 'taken') throw new Error('the id is taken');
      const proof = { ...squatter.tenure, seen: harness.wallTime() };
      await here.release('job', squatter.epoch);
      const outcome = await there.claim('job', 'hash-a', THERE);
      expect(outcome.kind).toBe('claimed');
      expect(await here.claim('job', 'hash-b', HERE, proof)).toEqual({ kind: 'taken' });
      expect(await here.restore('job', 'hash-b', HERE, 9, proof)).toEqual({ kind: 'taken' });
      expect(await here.lookup('job')).toMatchObject(THERE);
    });

    test('R12 nor when the registry has forgotten both, in whatever order they come back', async () => {
      await harness.advance(LEASE_MS);
      const squatter = await tenureOf(here, 'job', 'hash-b', HERE);
      const [left, old] = [harness.wallTime(), { ...squatter, seen: harness.wallTime() }];
      await here.release('job', (await here.lookup('job'))?.epoch ?? 0);
      await harness.advance(1_000);
      const agent = await tenureOf(there, 'job', 'hash-a', THERE);
      await harness.advance(1);
      await harness.forget();
      // They come first, and what they prove is of shortly before the loss.
      expect(await here.claim('job', 'hash-b', HERE, old)).toMatchObject({ tenure: { seen: left } });
      const back = await there.restore('job', 'hash-a', THERE, 1, agent);
      expect(back).toMatchObject({ kind: 'claimed', tenure: { ...agent, wonAt: harness.wallTime() } });
      expect(await here.claim('job', 'hash-b', HERE, old)).toEqual({ kind: 'taken' });
      await harness.advance(1);
      await harness.forget();
      // The agent comes first, and by its grant.
      const grant = { ...agent, seen: harness.wallTime() };
      expect((await there.claim('job', 'hash-a', THERE, grant)).kind).toBe('claimed');
      expect(await here.claim('job', 'hash-b', HERE, old)).toEqual({ kind: 'taken' });
      expect(await here.restore('job', 'hash-b', HERE, 9, old)).toEqual({ kind: 'taken' });
    });

    test('R12 a younger claim outranks nobody, whatever it proves', async () => {
      await here.claim('job', 'hash-a', HERE);
      const proof = { ...LINKED, heldSince: harness.wallTime() + 1, horizon: harness.wallTime() + 9_000 };
      expect(await there.claim('job', 'hash-b', THERE, proof)).toEqual({ kind: 'taken' });
      expect(await there.restore('job', 'hash-b', THERE, 1e9, proof)).toEqual({ kind: 'taken' });
    });

    test('R14 a registry that is started is not started again, and tells only the first caller of its return', async () => {
      let told = 0;
      here.start(() => {
        told += 1;
      });
      await harness.forget();
      expect((await here.claim('job', 'hash-a', HERE)).kind).toBe('claimed');
      expect(told).toBe(0);
    });

    test('R13 what has run out is kept no longer', async () => {
      await Promise.all(Array.from({ length: 50 }, (_, index) => here.claim(`job-${index}`, 'hash-a', HERE)));
      const epoch = await epochOf(here, 'last', 'hash-a', HERE);
      expect(await harness.kept()).toBe(51);
      await harness.advance(harness.leaseMs - SLACK_MS);
      await here.renew([{ id: 'last', epoch }]);
      await harness.advance(SLACK_MS + 1);
      await here.renew([{ id: 'last', epoch }]);
      expect(await harness.kept()).toBe(1);
    });

    if (canFail) {
      test('R9 a store that is gone is said so', async () => {
        await harness.breakStore?.();
        const fault = { code: 'registry_unavailable' };
        const calls = [
          () => here.claim('job', 'hash-a', HERE),
          () => here.restore('job', 'hash-a', HERE, 1, LINKED),
          () => here.renew([{ id: 'job', epoch: 1 }]),
          () => here.release('job', 1),
          () => here.abandon('job', 1),
          () => here.lookup('job'),
          () => here.waitFor('job', 10),
        ];
        for (const call of calls) {
          const error = await call().then(
            () => undefined,
            (reason: unknown) => reason,
          );
          expect(error).toBeInstanceOf(RegistryUnavailable);
          expect(error).toMatchObject(fault);
        }
      });
    }

    test('R10 restore registers what was lost with the epoch that it had', async () => {
      expect(await here.restore('job', 'hash-a', HERE, 7, LINKED)).toEqual(claimedAt(7));
      expect(await there.lookup('job')).toMatchObject({ ...HERE, epoch: 7 });
      expect(await here.renew([{ id: 'job', epoch: 7 }])).toEqual([]);
    });

    test('R10 restore of an own entry that is still there keeps the epoch', async () => {
      const epoch = await epochOf(here, 'job', 'hash-a', HERE);
      expect(await here.restore('job', 'hash-a', HERE, epoch, LINKED)).toEqual(claimedAt(epoch));
    });

    test('R10 restore outranks the entry of another owner with an epoch up to the given one', async () => {
      const epoch = await epochOf(there, 'equal', 'hash-a', THERE);
      expect(await here.restore('equal', 'hash-a', HERE, epoch, LINKED)).toEqual(claimedAt(epoch + 1));
      await there.claim('lower', 'hash-a', THERE);
      expect(await here.restore('lower', 'hash-a', HERE, 9, LINKED)).toEqual(claimedAt(9));
      expect(await there.lookup('lower')).toMatchObject({ ...HERE, epoch: 9 });
    });

    test('R10 restore is taken when the id has moved on, or is of another claim', async () => {
      const old = await epochOf(here, 'moved', 'hash-a', HERE);
      await there.claim('moved', 'hash-a', THERE);
      expect(await here.restore('moved', 'hash-a', HERE, old, LINKED)).toEqual({ kind: 'taken' });
      expect(await here.lookup('moved')).toMatchObject({ ...THERE, epoch: old + 1 });
      await there.claim('foreign', 'hash-b', THERE);
      expect(await here.restore('foreign', 'hash-a', HERE, 9, LINKED)).toEqual({ kind: 'taken' });
      expect(await here.lookup('foreign')).toMatchObject(THERE);
    });

    test('R10 restore wakes those who wait', async () => {
      const wait = there.waitFor('job', LONG_MS);
      await harness.advance(1);
      await here.restore('job', 'hash-a', HERE, 3, LINKED);
      expect(await wait).toMatchObject({ ...HERE, epoch: 3 });
    });
  });
}

/** That claim, whatever its tenure. */
function claimedAt(epoch: number): ClaimOutcome {
  return { kind: 'claimed', epoch, tenure: expect.anything() as Tenure };
}

async function claimOf(
  registry: AgentRegistry,
  id: string,
  claimHash: string,
  owner: Owner,
): Promise<Extract<ClaimOutcome, { kind: 'claimed' }>> {
  const outcome = await registry.claim(id, claimHash, owner);
  if (outcome.kind === 'taken') throw new Error(`${id} is taken`);
  return outcome;
}

async function tenureOf(...claim: Parameters<typeof claimOf>): Promise<Tenure> {
  return (await claimOf(...claim)).tenure;
}

async function epochOf(...claim: Parameters<typeof claimOf>): Promise<number> {
  return (await claimOf(...claim)).epoch;
}
