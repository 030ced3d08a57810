// The contract of the tally (T1 to T5 in services/relay/registry/tally.ts), kept in memory and by pods that share a real Redis.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RedisKeys } from '../../services/relay/registry/redis/redis-keys.ts';
import { RedisTally } from '../../services/relay/registry/redis/redis-tally.ts';
import {
  MemoryTally,
  PLACE_LIFE_MS,
  SUM_LIFE_MS,
  type Tally,
  TallyStore,
} from '../../services/relay/registry/tally.ts';
import { PATIENT, RedisPods } from '../support/redis/redis-pods.ts';
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts';
import { ManualClock } from '../support/time/manual-clock.ts';

interface Harness extends AsyncDisposable {
  /** Two pods. */
  readonly tallies: readonly [Tally, Tally];
  readonly clock: ManualClock;
}

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

function inMemory(): Promise<Harness> {
  const clock = new ManualClock(1_000_000);
  const store = new TallyStore();
  const tallies = [new MemoryTally(clock, store), new MemoryTally(clock, store)] as const;
  return Promise.resolve({ tallies, clock, [Symbol.asyncDispose]: () => Promise.resolve() });
}

async function inRedis(): Promise<Harness> {
  await server.call('FLUSHALL');
  const clock = new ManualClock(1_000_000);
  const pods = new RedisPods(server.url, PATIENT);
  const [here, there] = [pods.open(), pods.open()];
  await Promise.all([here.ready(), there.ready()]);
  const keys = new RedisKeys();
  const tallyOf = ({ registry }: typeof here) => new RedisTally({ calls: registry.calls, keys, clock });
  const tallies = [tallyOf(here), tallyOf(there)] as const;
  return { tallies, clock, [Symbol.asyncDispose]: () => pods[Symbol.asyncDispose]() };
}

const place = (member: string, group = 'rule') => ({ group, member });

describe.each([
  ['memory', inMemory],
  ['redis', inRedis],
])('%s', (_, open) => {
  test('T1 a group has as many places as its limit says, on all pods together', async () => {
    await using harness = await open();
    const [here, there] = harness.tallies;
    expect(await here.take(place('a'), 2)).toBe(true);
    expect(await there.take(place('b'), 2)).toBe(true);
    expect(await here.take(place('c'), 2)).toBe(false);
    expect(await there.take(place('c', 'another rule'), 2)).toBe(true);
    expect(await here.take(place('c'), undefined)).toBe(true);
  });

  test('T1 whoever has a place has it also where the limit was lowered below what is taken', async () => {
    await using harness = await open();
    const [here, there] = harness.tallies;
    for (const member of ['a', 'b', 'c']) await here.take(place(member), 3);
    expect(await there.take(place('a'), 1)).toBe(true);
    expect(await there.take(place('d'), 1)).toBe(false);
  });

  test('T2 a place that nobody extends is free after its life, to the millisecond', async () => {
    await using harness = await open();
    const [here, there] = harness.tallies;
    await here.take(place('a'), 1);
    harness.clock.advance(PLACE_LIFE_MS - 1);
    expect(await there.take(place('b'), 1)).toBe(false);
    harness.clock.advance(1);
    expect(await there.take(place('b'), 1)).toBe(true);
    expect(await here.take(place('a'), 1)).toBe(false);
  });

  test('T2 an extended place lives on, and one that was left is free at once', async () => {
    await using harness = await open();
    const [here, there] = harness.tallies;
    await here.take(place('a'), 1);
    harness.clock.advance(PLACE_LIFE_MS - 1);
    await here.extend([place('a')]);
    harness.clock.advance(PLACE_LIFE_MS - 1);
    expect(await there.take(place('b'), 1)).toBe(false);
    await here.leave(place('a'));
    await here.leave(place('a'));
    expect(await there.take(place('b'), 1)).toBe(true);
  });

  test('T3 a sum is one sum on all pods', async () => {
    await using harness = await open();
    const [here, there] = harness.tallies;
    const huge = 2 ** 52;
    expect(await here.add([{ sum: 'a', amount: 5 }])).toEqual([5]);
    expect(
      await there.add([
        { sum: 'a', amount: huge },
        { sum: 'b', amount: 0 },
      ]),
    ).toEqual([huge + 5, 0]);
    expect(await here.add([])).toEqual([]);
  });

  test('T4 forty that take at once get the places that there are', async () => {
    await using harness = await open();
    const takes = Array.from({ length: 40 }, (_, index) =>
      (harness.tallies[index % 2] ?? harness.tallies[0]).take(place(`member ${index}`), 7),
    );
    const taken = await Promise.all(takes);
    expect(taken.filter(Boolean)).toHaveLength(7);
  });
});

test('a sum in memory is forgotten a day after the last addition', async () => {
  const { tallies, clock } = await inMemory();
  const [here] = tallies;
  await here.add([{ sum: 'a', amount: 5 }]);
  clock.advance(SUM_LIFE_MS - 1);
  expect(await here.add([{ sum: 'a', amount: 1 }])).toEqual([6]);
  clock.advance(SUM_LIFE_MS);
  expect(await here.add([{ sum: 'a', amount: 1 }])).toEqual([1]);
});

test('what Redis keeps of it ends by itself', async () => {
  await using harness = await inRedis();
  const [here] = harness.tallies;
  await here.take(place('a'), 1);
  await here.add([{ sum: 'a', amount: 1 }]);
  const lives = await Promise.all(
    ['converge:places:{rule}', 'converge:sum:{a}'].map((key) => server.call('PTTL', key)),
  );
  const [places = 0, sum = 0] = lives.map(Number);
  expect([places > 0, places <= PLACE_LIFE_MS, sum > 0, sum <= SUM_LIFE_MS]).toEqual([
    true,
    true,
    true,
    true,
  ]);
});

test('a stranger who puts something else under its keys keeps nobody out', async () => {
  await using harness = await inRedis();
  const [here] = harness.tallies;
  await server.call('SET', 'converge:places:{rule}', 'mine');
  await server.call('HSET', 'converge:sum:{a}', 'mine', '1');
  await here.leave(place('a'));
  expect(await here.take(place('a'), 1)).toBe(true);
  expect(await here.add([{ sum: 'a', amount: 3 }])).toEqual([3]);
});

test('T5 without Redis every call is rejected, and the pod goes on', async () => {
  await using pods = new RedisPods('redis://127.0.0.1:1');
  const { registry } = pods.open();
  const tally = new RedisTally({ calls: registry.calls, keys: new RedisKeys(), clock: new ManualClock(1) });
  for (const call of [
    tally.take(place('a'), 1),
    tally.extend([place('a')]),
    tally.leave(place('a')),
    tally.add([{ sum: 'a', amount: 1 }]),
  ])
    await expect(call).rejects.toMatchObject({ code: 'registry_unavailable' });
});
