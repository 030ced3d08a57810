// Entries that a stranger wrote into Redis: they count as absent, are reported, and never stand in a claim's way.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { entryText } from '../../../services/relay/registry/redis/redis-entry.ts';
import { type RedisPod, RedisPods, signWith } from '../../support/redis/redis-pods.ts';
import { type RedisServer, startRedis } from '../../support/redis/redis-server.ts';
import { LINKED } from '../../support/relay/tenure.ts';

const KEY = 'converge:agent:{job}';
const GOOD = {
  pod: 'pod-9',
  address: '10.0.0.9:9090',
  epoch: '4',
  claim: 'hash-b',
  since: '1700000000000',
  signature: 'c2lnbmF0dXJl',
};

let server: RedisServer;
let pods: RedisPods;
let pod: RedisPod;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await server.call('FLUSHALL');
  pods = new RedisPods(server.url);
  pod = pods.open();
  await pod.ready();
});
afterEach(async () => {
  await pods[Symbol.asyncDispose]();
});

function write(fields: Record<string, string>): Promise<unknown> {
  return server.call('HSET', KEY, ...Object.entries(fields).flat());
}

function without(name: keyof typeof GOOD): Record<string, string> {
  return Object.fromEntries(Object.entries(GOOD).filter(([field]) => field !== name));
}

const STRANGERS: readonly (readonly [what: string, fault: string, write: () => Promise<unknown>])[] = [
  ['a string', 'wrong_type', () => server.call('SET', KEY, 'pod-9')],
  ['a list', 'wrong_type', () => server.call('RPUSH', KEY, 'a', 'b')],
  ['a set without expiry', 'wrong_type', () => server.call('SADD', KEY, 'a')],
  ['an address of a megabyte', 'too_big', () => write({ ...GOOD, address: 'a'.repeat(1_000_000) })],
  ['a claim hash of a megabyte', 'too_big', () => write({ ...GOOD, claim: 'a'.repeat(1_000_000) })],
  ['no signature', 'missing_field', () => write(without('signature'))],
  ['no address', 'missing_field', () => write(without('address'))],
  ['an epoch in words', 'malformed', () => write({ ...GOOD, epoch: 'four' })],
  ['an epoch that is endless', 'malformed', () => write({ ...GOOD, epoch: '9'.repeat(300) })],
  ['a negative epoch', 'malformed', () => write({ ...GOOD, epoch: '-1' })],
  ['a time that is none', 'malformed', () => write({ ...GOOD, since: '1e9' })],
  ['a forged signature', 'bad_signature', () => write(GOOD)],
  ['an empty signature', 'bad_signature', () => write({ ...GOOD, signature: '' })],
  [
    'the signature of another secret',
    'bad_signature',
    () => write({ ...GOOD, signature: signWith('another secret', entryText('job', GOOD, GOOD.claim)) }),
  ],
];

describe.each(STRANGERS)('%s', (_, fault, writeStranger) => {
  test('is absent for lookup and wait, and counted', async () => {
    await writeStranger();
    expect(await pod.registry.lookup('job')).toBeUndefined();
    expect(await pod.registry.waitFor('job', 0)).toBeUndefined();
    expect(pod.faults).toEqual([fault, fault]);
    expect(pod.log.filter((line) => line.includes('registry entry ignored'))).toHaveLength(1);
  });

  test('is replaced by a claim', async () => {
    await writeStranger();
    expect(await pod.registry.claim('job', 'hash-a', pod.owner)).toMatchObject({ kind: 'claimed', epoch: 1 });
    expect(await pod.registry.lookup('job')).toMatchObject(pod.owner);
    expect(pod.faults).toEqual([fault]);
    expect(Number(await server.call('PTTL', KEY))).toBeGreaterThan(0);
  });

  test('costs the owner its lease at the next renewal, and is replaced by what it restores', async () => {
    await pod.registry.claim('job', 'hash-a', pod.owner);
    await server.call('DEL', KEY);
    await writeStranger();
    expect(await pod.registry.renew([{ id: 'job', epoch: 1 }])).toEqual(['job']);
    expect(await pod.registry.restore('job', 'hash-a', pod.owner, 1, LINKED)).toMatchObject({
      kind: 'claimed',
      epoch: 1,
    });
    expect(await pod.registry.lookup('job')).toMatchObject({ ...pod.owner, epoch: 1 });
  });

  test('is left alone by a release', async () => {
    await writeStranger();
    await expect(pod.registry.release('job', 5)).resolves.toBeUndefined();
    expect(await server.call('EXISTS', KEY)).toBe(1);
  });
});

describe('a stranger', () => {
  test('who bends the address of a live entry is noticed by lookup and by renewal', async () => {
    await pod.registry.claim('job', 'hash-a', pod.owner);
    await server.call('HSET', KEY, 'address', '10.6.6.6:9090');
    expect(await pod.registry.lookup('job')).toBeUndefined();
    expect(pod.faults).toEqual(['bad_signature']);
    await server.call('HSET', KEY, 'signature', 'AAAA');
    expect(await pod.registry.renew([{ id: 'job', epoch: 1 }])).toEqual(['job']);
    expect(await pod.registry.restore('job', 'hash-a', pod.owner, 1, LINKED)).toMatchObject({
      kind: 'claimed',
    });
    expect(await pod.registry.lookup('job')).toMatchObject(pod.owner);
  });

  test('who copies an entry to another id makes nothing of it', async () => {
    await pod.registry.claim('job', 'hash-a', pod.owner);
    await server.call('COPY', KEY, 'converge:agent:{other}');
    expect(await pod.registry.lookup('other')).toBeUndefined();
    expect(pod.faults).toEqual(['bad_signature']);
  });

  test('who publishes on the channel of an id only makes those who wait look again', async () => {
    const waiting = pod.registry.waitFor('job', 60_000);
    const looks = (): number => pod.calls.filter((call) => call === 'lookup ok').length;
    const publish = async (): Promise<boolean> =>
      (await server.call('PUBLISH', 'converge:claim:{job}', 'x'.repeat(100_000))) === 1;
    while (looks() < 5) await publish();
    await pod.registry.claim('job', 'hash-a', pod.owner);
    expect(await waiting).toMatchObject(pod.owner);
  });
});

test('while the secret is rotated, entries of both are trusted', async () => {
  const [before, after] = ['the secret before', 'the secret after'];
  const verify = (text: string, signature: string): boolean =>
    [before, after].some((secret) => signWith(secret, text) === signature);
  const older = pods.open({ sign: (text) => signWith(before, text), verify });
  const newer = pods.open({ sign: (text) => signWith(after, text), verify });
  await Promise.all([older.ready(), newer.ready()]);
  await older.registry.claim('job', 'hash-a', older.owner);
  expect(await newer.registry.lookup('job')).toMatchObject(older.owner);
  expect(await newer.registry.claim('job', 'hash-b', newer.owner)).toEqual({ kind: 'taken' });
  await newer.registry.claim('job', 'hash-a', newer.owner);
  expect(await older.registry.lookup('job')).toMatchObject(newer.owner);
});
