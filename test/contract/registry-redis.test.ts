// The rules of registry.ts, kept by pods that share a real Redis. Leases are short where one has to run out.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MemoryRegistry, MemoryStore } from '../../services/relay/registry/memory.ts';
import type { Owner, SessionRegistry } from '../../services/relay/registry/registry.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { until } from '../support/poll.ts';
import { type RedisPod, RedisPods } from '../support/redis-pods.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

const SHORT_LEASE_MS = 150;

let server: RedisServer;
let pods: RedisPods;
let here: RedisPod;
let there: RedisPod;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await server.call('FLUSHALL');
  pods = new RedisPods(server.url);
  here = pods.open();
  there = pods.open();
  await Promise.all([here.ready(), there.ready()]);
});
afterEach(async () => {
  await pods[Symbol.asyncDispose]();
});

describe('the registry in redis', () => {
  test('R1 a claim on a free id gives an epoch, a lease and an entry that every pod sees', async () => {
    const outcome = await here.registry.claim('job', 'hash-a', here.owner);
    expect(outcome).toEqual({ kind: 'claimed', epoch: 1 });
    const entry = await there.registry.lookup('job');
    expect(entry).toMatchObject({ ...here.owner, epoch: 1 });
    expect(Math.abs((entry?.since ?? 0) - Date.now())).toBeLessThan(60_000);
    const ttl = Number(await server.call('PTTL', 'converge:agent:{job}'));
    expect(ttl).toBeGreaterThan(40_000);
    expect(ttl).toBeLessThanOrEqual(45_000);
  });

  test('R2 the same claim moves the id to another pod and raises the epoch by one', async () => {
    await here.registry.claim('job', 'hash-a', here.owner);
    expect(await there.registry.claim('job', 'hash-a', there.owner)).toEqual({ kind: 'claimed', epoch: 2 });
    expect(await here.registry.lookup('job')).toMatchObject({ ...there.owner, epoch: 2 });
  });

  test('R3 another claim on a live lease is taken and changes nothing', async () => {
    await here.registry.claim('job', 'hash-a', here.owner);
    const before = await server.call('HGETALL', 'converge:agent:{job}');
    expect(await there.registry.claim('job', 'hash-b', there.owner)).toEqual({ kind: 'taken' });
    expect(await server.call('HGETALL', 'converge:agent:{job}')).toEqual(before);
  });

  test('R4 a lease that is not renewed runs out, and then any claim succeeds', async () => {
    const brief = pods.open({ leaseMs: SHORT_LEASE_MS });
    await brief.ready();
    await brief.registry.claim('job', 'hash-a', brief.owner);
    await until('the lease ran out', async () => (await there.registry.lookup('job')) === undefined);
    expect(await there.registry.claim('job', 'hash-b', there.owner)).toMatchObject({ kind: 'claimed' });
  });

  test('R5 renew extends the leases that are ours and names the others', async () => {
    const brief = pods.open({ leaseMs: 5_000 });
    await brief.ready();
    await brief.registry.claim('ours', 'hash-a', brief.owner);
    await brief.registry.claim('moved', 'hash-a', brief.owner);
    await brief.registry.claim('released', 'hash-a', brief.owner);
    await there.registry.claim('moved', 'hash-a', there.owner);
    await brief.registry.release('released', 1);
    await server.call('PEXPIRE', 'converge:agent:{ours}', '1000');
    const leases = ['ours', 'moved', 'released', 'never'].map((id) => ({ id, epoch: 1 }));
    expect(await brief.registry.renew(leases)).toEqual(['moved', 'released', 'never']);
    expect(Number(await server.call('PTTL', 'converge:agent:{ours}'))).toBeGreaterThan(1_000);
    expect(await there.registry.lookup('moved')).toMatchObject(there.owner);
  });

  test('R5 renew works for more leases than fit a batch', async () => {
    const ids = Array.from({ length: 1_201 }, (_, index) => `job-${index}`);
    await Promise.all(ids.map((id) => here.registry.claim(id, 'hash-a', here.owner)));
    await there.registry.claim('job-1200', 'hash-a', there.owner);
    expect(await here.registry.renew(ids.map((id) => ({ id, epoch: 1 })))).toEqual(['job-1200']);
    expect(here.calls.filter((call) => call === 'renew ok')).toHaveLength(3);
  });

  test('R6 release removes an entry only while its epoch is the given one', async () => {
    await here.registry.claim('job', 'hash-a', here.owner);
    await there.registry.claim('job', 'hash-a', there.owner);
    await here.registry.release('job', 1);
    expect(await here.registry.lookup('job')).toMatchObject(there.owner);
    await here.registry.release('job', 2);
    expect(await here.registry.lookup('job')).toBeUndefined();
  });

  test('R7 waitFor gives what is there at once', async () => {
    await here.registry.claim('job', 'hash-a', here.owner);
    expect(await there.registry.waitFor('job', 5_000)).toMatchObject({ epoch: 1 });
    expect(await there.registry.waitFor('job', 0, { afterEpoch: 1 })).toBeUndefined();
  });

  test('R7 waitFor is woken by a claim on another pod, and by no older epoch', async () => {
    await here.registry.claim('job', 'hash-a', here.owner);
    const first = there.registry.waitFor('other', 20_000);
    const next = there.registry.waitFor('job', 20_000, { afterEpoch: 1 });
    await until('both are subscribed', async () => (await subscribers('job')) + (await subscribers('other')) === 2);
    await here.registry.claim('other', 'hash-a', here.owner);
    await here.registry.claim('job', 'hash-a', here.owner);
    expect(await first).toMatchObject({ ...here.owner, epoch: 1 });
    expect(await next).toMatchObject({ epoch: 2 });
    await until('nobody is subscribed', async () => (await subscribers('job')) + (await subscribers('other')) === 0);
  });

  test('R7 many wait for one id over one subscription, and all are woken', async () => {
    const waits = Array.from({ length: 20 }, () => there.registry.waitFor('job', 20_000));
    await until('subscribed', async () => (await subscribers('job')) === 1);
    await here.registry.claim('job', 'hash-a', here.owner);
    for (const entry of await Promise.all(waits)) expect(entry).toMatchObject(here.owner);
  });

  test('R7 a claim in the gap between look and subscription is not missed', async () => {
    for (let round = 0; round < 50; round += 1) {
      const id = `job-${round}`;
      const waiting = there.registry.waitFor(id, 20_000);
      await here.registry.claim(id, 'hash-a', here.owner);
      expect(await waiting).toMatchObject(here.owner);
    }
  });

  test('R7 waitFor ends with undefined after its time, and early when its signal aborts', async () => {
    expect(await there.registry.waitFor('job', 50)).toBeUndefined();
    const abort = new AbortController();
    const waiting = there.registry.waitFor('job', 3_600_000, { signal: abort.signal });
    await until('subscribed', async () => (await subscribers('job')) === 1);
    abort.abort();
    expect(await waiting).toBeUndefined();
    await until('nobody is subscribed', async () => (await subscribers('job')) === 0);
  });

  test('R9 calls before the start and after the stop are refused', async () => {
    await here.registry.stop();
    await here.registry.stop();
    await expect(here.registry.lookup('job')).rejects.toMatchObject({ code: 'registry_unavailable' });
    await expect(here.registry.renew([{ id: 'job', epoch: 1 }])).rejects.toMatchObject({
      code: 'registry_unavailable',
    });
  });

  test('R9 stop ends those who wait', async () => {
    const waiting = there.registry.waitFor('job', 3_600_000);
    await until('subscribed', async () => (await subscribers('job')) === 1);
    await there.registry.stop();
    expect(await waiting).toBeUndefined();
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
    expect(await here.registry.renew([{ id: 'job', epoch: 1 }])).toEqual([]);
  });
});

describe.each(['memory', 'redis'] as const)('R10 restore in %s', (kind) => {
  let registry: SessionRegistry;
  let owner: Owner;
  let elsewhere: Owner;

  beforeEach(() => {
    registry = kind === 'redis' ? here.registry : new MemoryRegistry(new ManualClock(), new MemoryStore());
    ({ owner } = here);
    elsewhere = there.owner;
  });

  test('a free id gets the epoch that the agent had, and wakes who waits for it', async () => {
    const waiting = registry.waitFor('job', 20_000, { afterEpoch: 6 });
    expect(await registry.restore('job', 'hash-a', owner, 7)).toEqual({ kind: 'claimed', epoch: 7 });
    expect(await waiting).toMatchObject({ ...owner, epoch: 7 });
    expect(await registry.renew([{ id: 'job', epoch: 7 }])).toEqual([]);
    expect(await registry.claim('job', 'hash-a', owner)).toEqual({ kind: 'claimed', epoch: 8 });
  });

  test('our own entry keeps its epoch', async () => {
    await registry.claim('job', 'hash-a', owner);
    expect(await registry.restore('job', 'hash-a', owner, 1)).toEqual({ kind: 'claimed', epoch: 1 });
  });

  test('an older epoch elsewhere is taken over', async () => {
    await registry.claim('job', 'hash-a', elsewhere);
    expect(await registry.restore('job', 'hash-a', owner, 7)).toEqual({ kind: 'claimed', epoch: 7 });
    expect(await registry.lookup('job')).toMatchObject({ ...owner, epoch: 7 });
  });

  test('an equal epoch elsewhere is outranked, so that only one of the two goes on', async () => {
    await registry.restore('job', 'hash-a', elsewhere, 7);
    expect(await registry.restore('job', 'hash-a', owner, 7)).toEqual({ kind: 'claimed', epoch: 8 });
    expect(await registry.renew([{ id: 'job', epoch: 7 }])).toEqual(['job']);
    expect(await registry.restore('job', 'hash-a', elsewhere, 7)).toEqual({ kind: 'taken' });
  });

  test('a newer epoch, or another claim, is taken and stays', async () => {
    await registry.restore('job', 'hash-a', elsewhere, 7);
    expect(await registry.restore('job', 'hash-a', owner, 6)).toEqual({ kind: 'taken' });
    expect(await registry.restore('job', 'hash-b', owner, 9)).toEqual({ kind: 'taken' });
    expect(await registry.lookup('job')).toMatchObject({ ...elsewhere, epoch: 7 });
  });
});

/** How many connections are subscribed to the claims of an ID. */
async function subscribers(id: string): Promise<number> {
  const reply = (await server.call('PUBSUB', 'NUMSUB', `converge:claim:{${id}}`)) as [string, number];
  return reply[1];
}
