// A Redis that is not there, dies, hangs, forgets, refuses to write: no call hangs, and all is well again once it is back.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RedisKeys } from '../../../services/relay/registry/redis/redis-keys.ts';
import { RedisTally } from '../../../services/relay/registry/redis/redis-tally.ts';
import { RedisPods } from '../../support/redis/redis-pods.ts';
import { type RedisServer, startRedis } from '../../support/redis/redis-server.ts';
import { LINKED } from '../../support/relay/tenure.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { until } from '../../support/time/poll.ts';

const UNAVAILABLE = { code: 'registry_unavailable' };
/** Short enough for a test, long enough for two busy cores. */
const TIMEOUT_MS = 500;

let server: RedisServer;
let pods: RedisPods;

beforeEach(async () => {
  server = await startRedis();
  pods = new RedisPods(server.url);
});
afterEach(async () => {
  await pods[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

describe('a redis', () => {
  test('that is down at start fails no start, refuses calls at once, and is used as soon as it is there', async () => {
    await server.kill();
    const pod = pods.open();
    await expect(pod.registry.claim('job', 'hash-a', pod.owner)).rejects.toMatchObject(UNAVAILABLE);
    await expect(pod.registry.waitFor('job', 60_000)).rejects.toMatchObject(UNAVAILABLE);
    await until('the fault is logged', () => pod.log.some((line) => line.includes('ECONNREFUSED')));
    await server.restart({ keep: false });
    await pod.ready();
    expect(await pod.registry.claim('job', 'hash-a', pod.owner)).toMatchObject({ kind: 'claimed' });
    expect(pod.log.at(-1)).toContain('redis connected');
  });

  test('that dies later ends what is on its way, and comes back empty: what is restored keeps its epoch', async () => {
    const pod = pods.open();
    await pod.ready();
    await pod.registry.claim('job', 'hash-a', pod.owner);
    await pod.registry.claim('job', 'hash-a', pod.owner);
    await server.kill();
    await expect(pod.registry.lookup('job')).rejects.toMatchObject(UNAVAILABLE);
    await expect(pod.registry.renew([{ id: 'job', epoch: 2 }])).rejects.toMatchObject(UNAVAILABLE);
    await until('the loss is logged', () => pod.log.some((line) => line.includes('redis connection lost')));
    await server.restart({ keep: false });
    await pod.ready(2);
    expect(await pod.registry.renew([{ id: 'job', epoch: 2 }])).toEqual(['job']);
    expect(await pod.registry.restore('job', 'hash-a', pod.owner, 2, LINKED)).toMatchObject({
      kind: 'claimed',
      epoch: 2,
    });
    expect(await pod.registry.lookup('job')).toMatchObject({ ...pod.owner, epoch: 2 });
  });

  test('that restarts with what it held has nothing to restore', async () => {
    const pod = pods.open();
    await pod.ready();
    await pod.registry.claim('job', 'hash-a', pod.owner);
    await server.restart({ keep: true });
    await pod.ready(2);
    expect(await pod.registry.renew([{ id: 'job', epoch: 1 }])).toEqual([]);
  });

  test('that loses everything is noticed by the next renewal', async () => {
    const pod = pods.open();
    await pod.ready();
    await pod.registry.claim('job', 'hash-a', pod.owner);
    await server.call('FLUSHALL');
    expect(await pod.registry.renew([{ id: 'job', epoch: 1 }])).toEqual(['job']);
  });

  test('that stops answering fails each call within its time, and is used again when it answers', async () => {
    const pod = pods.open({ timeoutMs: TIMEOUT_MS });
    await pod.ready();
    await server.pause();
    const calls = [
      pod.registry.claim('job', 'hash-a', pod.owner),
      pod.registry.lookup('job'),
      pod.registry.renew([{ id: 'job', epoch: 1 }]),
      pod.registry.release('job', 1),
      pod.registry.waitFor('job', 60_000),
    ];
    for (const outcome of await Promise.allSettled(calls))
      expect(outcome).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
    expect(pod.calls).toContain('claim timeout');
    // The silent connection is given up, and from then on nothing is even tried.
    await until('the connection is given up', () => pod.log.some((line) => line.includes('connection lost')));
    await expect(pod.registry.lookup('job')).rejects.toMatchObject(UNAVAILABLE);
    expect(pod.calls.at(-1)).toBe('lookup disconnected');
    await server.resume();
    await pod.ready(2);
    // With its short time a call may still miss the answer of a machine that is busy.
    const claimed = await until('a claim gets through', () =>
      pod.registry.claim('other', 'hash-a', pod.owner).catch(() => undefined),
    );
    expect(claimed).toMatchObject({ kind: 'claimed' });
  });

  test('that is away while somebody waits still wakes them with a claim made after its return', async () => {
    const here = pods.open();
    // Its clock stands still: it does not look again by time.
    const there = pods.open({ clock: new ManualClock() });
    await Promise.all([here.ready(), there.ready()]);
    const waiting = there.registry.waitFor('job', 60_000);
    await until('subscribed', async () => {
      const [, count] = (await server.call('PUBSUB', 'NUMSUB', 'converge:claim:{job}')) as [string, number];
      return count === 1;
    });
    await server.restart({ keep: false });
    await here.ready(2);
    await here.registry.restore('job', 'hash-a', here.owner, 3, LINKED);
    expect(await waiting).toMatchObject({ ...here.owner, epoch: 3 });
  });

  test('that is away when a wait ends makes it a failure, not an absence', async () => {
    const clock = new ManualClock();
    const pod = pods.open({ clock });
    await pod.ready();
    const waiting = pod.registry.waitFor('job', 400);
    waiting.catch(() => undefined);
    await until('it looked', () => pod.calls.includes('lookup ok'));
    await server.kill();
    clock.advance(400);
    await expect(waiting).rejects.toMatchObject(UNAVAILABLE);
  });

  test('that became a replica is dialled anew until it takes writes; pods are told only then', async () => {
    const pod = pods.open();
    await pod.ready();
    await server.call('REPLICAOF', '127.0.0.1', '1');
    await expect(pod.registry.claim('job', 'hash-a', pod.owner)).rejects.toMatchObject(UNAVAILABLE);
    await until('a new connection was tried and found useless', () =>
      pod.log.some((line) => line.includes('redis not usable') && line.includes('READONLY')),
    );
    // A claim looks at the mark first, which a replica does not write either.
    expect(pod.calls).toContain('birth read_only');
    expect(pod.readies()).toBe(1);
    await server.call('REPLICAOF', 'NO', 'ONE');
    await pod.ready(2);
    expect(await pod.registry.claim('job', 'hash-a', pod.owner)).toMatchObject({ kind: 'claimed' });
  });

  test('that is full refuses claims and says so, and goes on renewing what it has', async () => {
    const pod = pods.open();
    await pod.ready();
    await pod.registry.claim('job', 'hash-a', pod.owner);
    await server.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '1mb');
    await until('it is full', async () => {
      try {
        await server.call('APPEND', 'filler', 'x'.repeat(100_000));
        return false;
      } catch {
        return true;
      }
    });
    await expect(pod.registry.claim('new', 'hash-a', pod.owner)).rejects.toMatchObject(UNAVAILABLE);
    expect(pod.calls).toContain('claim full');
    expect(pod.log.some((line) => line.startsWith('warn redis full') && line.includes('maxmemory'))).toBe(
      true,
    );
    expect(await pod.registry.renew([{ id: 'job', epoch: 1 }])).toEqual([]);
    expect(await pod.registry.lookup('job')).toMatchObject(pod.owner);
    await pod.registry.release('job', 1);
    await server.call('CONFIG', 'SET', 'maxmemory', '0');
    expect(await pod.registry.claim('new', 'hash-a', pod.owner)).toMatchObject({ kind: 'claimed' });
  });

  test('that wants a password is told the right one only, and no log line holds it', async () => {
    await server.call('CONFIG', 'SET', 'requirepass', 'the-right-one');
    const wrong = new RedisPods(server.url.replace('//', '//:the-wrong-one@'));
    const right = new RedisPods(server.url.replace('//', '//:the-right-one@'));
    try {
      const outside = wrong.open();
      const inside = right.open();
      await inside.ready();
      expect(await inside.registry.claim('job', 'hash-a', inside.owner)).toMatchObject({ kind: 'claimed' });
      await until('the refusal is logged', () => outside.log.some((line) => line.includes('WRONGPASS')));
      const failure = await outside.registry.lookup('job').catch((error: unknown) => error);
      expect(failure).toMatchObject(UNAVAILABLE);
      const said = JSON.stringify([
        outside.log,
        Object.entries(failure as object),
        String(failure),
        inside.log,
      ]);
      expect(said).not.toMatch(/the-(right|wrong)-one/);
    } finally {
      await wrong[Symbol.asyncDispose]();
      await right[Symbol.asyncDispose]();
    }
  });

  test('that gives a user the documented rights and no others is enough', async () => {
    const rights =
      'reset on >pw ~converge:* &converge:* +eval +evalsha +hset +hmget +hgetall +hlen +hdel +hstrlen +type +pexpire ' +
      '+pttl +del +unlink +publish +set +incrby +zadd +zcard +zrem +zremrangebyscore +zscore +subscribe +unsubscribe ' +
      '+info +ping +select +client|setname';
    await server.call('ACL', 'SETUSER', 'relay', ...rights.split(' '));
    const limited = new RedisPods(server.url.replace('//', '//relay:pw@'));
    try {
      const pod = limited.open();
      await pod.ready();
      const waiting = pod.registry.waitFor('job', 60_000);
      await until('subscribed', async () => {
        const [, count] = (await server.call('PUBSUB', 'NUMSUB', 'converge:claim:{job}')) as [string, number];
        return count === 1;
      });
      await pod.registry.claim('job', 'hash-a', pod.owner);
      expect(await waiting).toMatchObject(pod.owner);
      await pod.registry.restore('job', 'hash-a', pod.owner, 1, LINKED);
      expect(await pod.registry.renew([{ id: 'job', epoch: 1 }])).toEqual([]);
      await pod.registry.abandon('job', 1);
      await pod.registry.release('job', 1);
      const tally = new RedisTally({
        calls: pod.registry.calls,
        keys: new RedisKeys(),
        clock: new ManualClock(1),
      });
      const place = { group: 'rule', member: 'job' };
      expect(await tally.take(place, 1)).toBe(true);
      expect(await tally.take({ ...place, member: 'another' }, 1)).toBe(false);
      await tally.leave(place);
      expect(await tally.add([{ sum: 'job', amount: 1 }])).toEqual([1]);
      expect(await server.call('ACL', 'LOG')).toEqual([]);
    } finally {
      await limited[Symbol.asyncDispose]();
    }
  });
});
