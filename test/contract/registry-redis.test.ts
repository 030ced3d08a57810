// The registry contract, kept by pods that share a real Redis; and what only Redis has: keys, subscriptions, scripts.
import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import { tenureWords } from '../../services/relay/registry/redis/redis-entry.ts';
import { TENURE_FIELDS } from '../../services/relay/registry/redis/redis-keys.ts';
import { RESERVATION_MS } from '../../services/relay/registry/registry.ts';
import { outranks, SEEN_NOW, type Tenure } from '../../services/relay/registry/tenure.ts';
import { ageEntries } from '../support/redis/redis-age.ts';
import { PATIENT, type RedisPod, RedisPods } from '../support/redis/redis-pods.ts';
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts';
import { LINKED } from '../support/relay/tenure.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { until } from '../support/time/poll.ts';
import { describeRegistry, type RegistryHarness } from './registry-contract.ts';

const SHORT_LEASE_MS = 150;

let server: RedisServer;
let isBroken = false;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describeRegistry('redis', openRedis, { canFail: true });

async function openRedis(): Promise<RegistryHarness> {
  if (isBroken) await server.restart({ keep: false });
  isBroken = false;
  await server.call('FLUSHALL');
  const pods = new RedisPods(server.url, PATIENT);
  const clock = new ManualClock();
  const [here, there] = [pods.open({ clock }), pods.open({ clock })];
  await Promise.all([here.ready(), there.ready()]);
  return {
    registries: [here.registry, there.registry],
    leaseMs: RESERVATION_MS,
    async advance(ms) {
      clock.advance(ms);
      await ageEntries(server, ms);
    },
    wallTime: () => clock.wallTime(),
    async wipe() {
      await server.call('FLUSHALL');
    },
    async forget() {
      await server.call('FLUSHALL');
      // As at the next renewal.
      for (const pod of [here, there]) {
        const looks = pod.calls.filter((call) => call === 'birth ok').length;
        await pod.registry.renew([]);
        await until('it has looked', () => pod.calls.filter((call) => call === 'birth ok').length > looks);
      }
    },
    kept: async () => ((await server.call('KEYS', 'converge:agent:*')) as string[]).length,
    async breakStore() {
      isBroken = true;
      await server.kill();
    },
    stop: () => pods[Symbol.asyncDispose](),
  };
}

describe('the registry in redis', () => {
  let pods: RedisPods;
  let here: RedisPod;
  let there: RedisPod;

  beforeEach(async () => {
    await server.call('FLUSHALL');
    pods = new RedisPods(server.url, PATIENT);
    here = pods.open();
    there = pods.open();
    await Promise.all([here.ready(), there.ready()]);
  });
  afterEach(async () => {
    await pods[Symbol.asyncDispose]();
  });

  test('R1 an entry lies under its own key for RESERVATION_MS, with the time of the claim', async () => {
    await here.registry.claim('job', 'hash-a', here.owner);
    const entry = await there.registry.lookup('job');
    expect(Math.abs((entry?.since ?? 0) - Date.now())).toBeLessThan(60_000);
    const ttl = Number(await server.call('PTTL', 'converge:agent:{job}'));
    expect(ttl).toBeGreaterThan(RESERVATION_MS - 20_000);
    expect(ttl).toBeLessThanOrEqual(RESERVATION_MS);
  });

  test('R4 redis itself lets a lease run out', async () => {
    const brief = pods.open({ leaseMs: SHORT_LEASE_MS });
    await brief.ready();
    await brief.registry.claim('job', 'hash-a', brief.owner);
    await until('the lease ran out', async () => (await there.registry.lookup('job')) === undefined);
    expect(await server.call('KEYS', 'converge:agent:*')).toEqual([]);
  });

  test('R5 renew works for more leases than fit a batch', async () => {
    const ids = Array.from({ length: 1_201 }, (_, index) => `job-${index}`);
    await Promise.all(ids.map((id) => here.registry.claim(id, 'hash-a', here.owner)));
    await there.registry.claim('job-1200', 'hash-a', there.owner);
    expect(await here.registry.renew(ids.map((id) => ({ id, epoch: 1 })))).toEqual(['job-1200']);
    expect(here.calls.filter((call) => call === 'renew ok')).toHaveLength(3);
  });

  test('R7 many wait for one id over one subscription, which ends with the last of them', async () => {
    const waits = Array.from({ length: 20 }, () => there.registry.waitFor('job', 60_000));
    const abort = new AbortController();
    const other = there.registry.waitFor('other', 60_000, { signal: abort.signal });
    await until('subscribed', async () => (await subscribers('job')) + (await subscribers('other')) === 2);
    await here.registry.claim('job', 'hash-a', here.owner);
    for (const entry of await Promise.all(waits)) expect(entry).toMatchObject(here.owner);
    abort.abort();
    expect(await other).toBeUndefined();
    await until(
      'not subscribed',
      async () => (await subscribers('job')) + (await subscribers('other')) === 0,
    );
  });

  test('R7 a claim in the gap between look and subscription is not missed', async () => {
    // Their clock stands still: nobody looks again by time.
    const still = pods.open({ clock: new ManualClock() });
    await still.ready();
    for (let round = 0; round < 50; round += 1) {
      const id = `job-${round}`;
      const waiting = still.registry.waitFor(id, 60_000);
      await here.registry.claim(id, 'hash-a', here.owner);
      expect(await waiting).toMatchObject(here.owner);
    }
  });

  test('R9 calls after the stop are refused, and waits end', async () => {
    const waiting = there.registry.waitFor('job', 3_600_000);
    await until('subscribed', async () => (await subscribers('job')) === 1);
    await there.registry.stop();
    await there.registry.stop();
    expect(await waiting).toBeUndefined();
    there.registry.start(() => undefined);
    const refused = { code: 'registry_unavailable' };
    await expect(there.registry.lookup('job')).rejects.toMatchObject(refused);
    await expect(there.registry.renew([{ id: 'job', epoch: 1 }])).rejects.toMatchObject(refused);
  });

  test('R12 a claim in the moment after it was emptied, before any pod has looked, outranks no grant', async () => {
    const clock = new ManualClock(Date.now());
    const [one, other] = [pods.open({ clock }), pods.open({ clock })];
    await Promise.all([one.ready(), other.ready()]);
    await until('they have looked', () =>
      [one, other].every(({ calls }) => calls.some((call) => call === 'birth ok')),
    );
    clock.advance(2 * LEASE_MS);
    const agent = await one.registry.claim('job', 'hash-a', one.owner);
    if (agent.kind === 'taken') throw new Error('the id is taken');
    clock.advance(1_000);
    const grant = { ...agent.tenure, seen: clock.wallTime() };
    await server.call('FLUSHALL');
    clock.advance(1_000);
    expect((await other.registry.claim('job', 'hash-b', other.owner)).kind).toBe('claimed');
    const back = await one.registry.claim('job', 'hash-a', one.owner, grant);
    expect(back).toMatchObject({ kind: 'claimed', tenure: { heldSince: grant.heldSince } });
  });

  test('R12 the scripts rank any two tenures as tenure.ts does', async () => {
    const since = Date.now();
    const moment = fc.integer({ min: -400, max: 400 }).map((seconds) => since + seconds * 1_000);
    const tenure: fc.Arbitrary<Tenure> = fc.record({
      heldSince: moment,
      eldersBefore: fc.oneof(moment, fc.constant(1)),
      horizon: fc.oneof(moment, fc.constant(1)),
      seen: fc.oneof(moment, fc.constant(SEEN_NOW)),
      wonAt: fc.oneof(moment, fc.constant(1)),
    });
    const verdicts = new Set<string>();
    await fc.assert(
      fc.asyncProperty(tenure, tenure, async (held, proof) => {
        await here.registry.restore('job', 'hash-a', here.owner, 1, LINKED);
        const words = TENURE_FIELDS.flatMap((field, index) => [field, tenureWords(held)[index] ?? '']);
        await server.call('HSET', 'converge:agent:{job}', ...words);
        const outcome = await there.registry.claim('job', 'hash-b', there.owner, proof);
        expect(outcome.kind).toBe(outranks(proof, held) ? 'claimed' : 'taken');
        if (outcome.kind === 'claimed')
          expect(outcome.tenure).toEqual({ ...proof, wonAt: expect.any(Number) as number });
        verdicts.add(outcome.kind);
        await server.call('DEL', 'converge:agent:{job}');
      }),
      { numRuns: 500 },
    );
    expect(verdicts.size).toBe(2);
  });

  test('keys and channels of a prefix of its own touch nobody else', async () => {
    const apart = pods.open({ keyPrefix: 'apart:' });
    await apart.ready();
    await apart.registry.claim('job', 'hash-b', apart.owner);
    expect(await here.registry.lookup('job')).toBeUndefined();
    expect(await server.call('KEYS', 'apart:*')).toContain('apart:agent:{job}');
  });

  test('scripts that redis has forgotten are sent again', async () => {
    await here.registry.claim('job', 'hash-a', here.owner);
    await server.call('SCRIPT', 'FLUSH');
    expect(await here.registry.lookup('job')).toMatchObject(here.owner);
    await server.call('SCRIPT', 'FLUSH');
    expect(await here.registry.renew([{ id: 'job', epoch: 1 }])).toEqual([]);
  });
});

/** How many connections are subscribed to the claims of an ID. */
async function subscribers(id: string): Promise<number> {
  const reply = (await server.call('PUBSUB', 'NUMSUB', `converge:claim:{${id}}`)) as [string, number];
  return reply[1];
}
