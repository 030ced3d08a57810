// The registry over a Redis that is played by the test: waits, time-outs, bounds and log lines, on a clock of its own.
import { beforeEach, describe, expect, test } from 'vitest';
import { MAX_CALLS_IN_FLIGHT } from '../../../../services/relay/registry/redis/redis-calls.ts';
import type {
  RedisClient,
  RedisClientEvents,
  ScriptCall,
} from '../../../../services/relay/registry/redis/redis-client.ts';
import { entryText } from '../../../../services/relay/registry/redis/redis-entry.ts';
import { callFaultFrom } from '../../../../services/relay/registry/redis/redis-failure.ts';
import { LOOK_WITHIN_MS, RedisRegistry } from '../../../../services/relay/registry/redis/redis-registry.ts';
import type { ScriptName } from '../../../../services/relay/registry/redis/redis-scripts.ts';
import { REGISTRY_TIMEOUT_MS, RENEW_EVERY_MS } from '../../../../services/relay/registry/registry.ts';
import { LEASE_MS } from '../../../../services/shared/protocol/lease.ts';
import { targetOf } from '../../../support/redis/redis-pods.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle } from '../../../support/time/poll.ts';

const OWNER = { pod: 'pod-1', address: '10.0.0.1:9090' };

class PlayedRedis implements RedisClient {
  readonly runs: ScriptName[] = [];
  readonly args: (readonly string[])[] = [];
  readonly subscribed: string[] = [];
  events: RedisClientEvents | undefined;
  answer: (script: ScriptName) => Promise<unknown> = () => Promise.resolve(['absent', '']);
  subscription: () => Promise<void> = () => Promise.resolve();

  run(script: ScriptName, { args }: Pick<ScriptCall, 'args'> = { args: [] }): Promise<unknown> {
    this.runs.push(script);
    this.args.push(args);
    return this.answer(script);
  }

  runEach(
    script: ScriptName,
    calls: readonly ScriptCall[],
  ): Promise<readonly PromiseSettledResult<unknown>[]> {
    return Promise.allSettled(calls.map(() => this.run(script)));
  }

  subscribe(channels: readonly string[]): Promise<void> {
    this.subscribed.push(...channels);
    return this.subscription();
  }

  unsubscribe(channel: string): Promise<void> {
    this.subscribed.splice(this.subscribed.indexOf(channel), 1);
    return Promise.resolve();
  }

  close(): void {
    this.events = undefined;
  }
}

let clock: ManualClock;
let redis: PlayedRedis;
let registry: RedisRegistry;
let log: string[];
let readies: number;

beforeEach(() => {
  clock = new ManualClock();
  redis = new PlayedRedis();
  log = [];
  readies = 0;
  const options = {
    target: targetOf('redis://r.test'),
    pod: OWNER.pod,
    clock,
    log: {
      info: (_: object, message: string) => log.push(message),
      warn: (fields: object, message: string) => log.push(`${message} ${JSON.stringify(fields)}`),
    },
    sign: (text: string) => `signed ${text}`,
    verify: (text: string, signature: string) => signature === `signed ${text}`,
    recorder: {
      registryConnected: () => undefined,
      registryCalled: () => undefined,
      registryEntryDistrusted: () => undefined,
    },
  };
  registry = new RedisRegistry(options, ({ events }) => {
    redis.events = events;
    return redis;
  });
  registry.start(() => {
    readies += 1;
  });
});

function present(epoch: number): void {
  const signature = `signed ${entryText('job', OWNER, 'hash-a')}`;
  const fields = [OWNER.pod, OWNER.address, String(epoch), 'hash-a', '1700000000000', signature];
  redis.answer = () => Promise.resolve(['found', fields]);
}

describe('a wait', () => {
  test('looks again once it is subscribed, and at each message, without any time passing', async () => {
    const waiting = registry.waitFor('job', 30_000);
    await settle();
    expect(redis.subscribed).toEqual(['converge:claim:{job}']);
    expect(redis.runs).toEqual(['lookup', 'lookup']);
    present(1);
    redis.events?.heard('converge:claim:{other}');
    await settle();
    expect(redis.runs).toHaveLength(2);
    redis.events?.heard('converge:claim:{job}');
    expect(await waiting).toMatchObject({ ...OWNER, epoch: 1 });
    expect(redis.subscribed).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('subscribes and looks again after the connection for messages was lost', async () => {
    const waiting = registry.waitFor('job', 30_000);
    await settle();
    present(1);
    redis.events?.listening();
    expect(await waiting).toMatchObject({ epoch: 1 });
    expect(redis.runs).toHaveLength(3);
  });

  test('looks again when looks are possible again, since the message may have come before', async () => {
    const waiting = registry.waitFor('job', 30_000);
    await settle();
    redis.answer = () => Promise.reject(new Error('Connection is closed.'));
    redis.events?.heard('converge:claim:{job}');
    await settle();
    present(1);
    redis.events?.usable();
    expect(await waiting).toMatchObject({ epoch: 1 });
  });

  test('looks again by itself when it is not allowed to subscribe', async () => {
    redis.subscription = () => Promise.reject(new Error('NOPERM no channel for you'));
    const waiting = registry.waitFor('job', 30_000);
    await settle();
    expect(redis.runs).toHaveLength(1);
    expect(log.join()).toContain('redis subscription refused');
    present(1);
    clock.advance(2_000);
    expect(await waiting).toMatchObject({ epoch: 1 });
  });

  test('joins a subscription that is there, and then looks too', async () => {
    const first = registry.waitFor('job', 30_000);
    await settle();
    const second = registry.waitFor('job', 30_000);
    await settle();
    expect(redis.subscribed).toHaveLength(1);
    expect(redis.runs).toHaveLength(4);
    present(1);
    redis.events?.heard('converge:claim:{job}');
    expect(await Promise.all([first, second])).toHaveLength(2);
  });

  test('has one look under way, however many messages come', async () => {
    const waiting = registry.waitFor('job', 30_000, { afterEpoch: 1 });
    await settle();
    for (let count = 0; count < 1_000; count += 1) redis.events?.heard('converge:claim:{job}');
    await settle();
    expect(redis.runs.length).toBeLessThan(6);
    clock.advance(30_000);
    expect(await waiting).toBeUndefined();
  });
});

describe('a call', () => {
  test('that is not answered fails in REGISTRY_TIMEOUT_MS, and its late answer harms nobody', async () => {
    const { promise, reject } = Promise.withResolvers<unknown>();
    redis.answer = () => promise;
    const looking = registry.lookup('job');
    clock.advance(REGISTRY_TIMEOUT_MS);
    await expect(looking).rejects.toMatchObject({ code: 'registry_unavailable', failure: 'timeout' });
    reject(new Error('Connection is closed.'));
    await settle();
    expect(clock.pending).toBe(0);
  });

  test('beyond MAX_CALLS_IN_FLIGHT is refused at once', async () => {
    redis.answer = () => new Promise(() => undefined);
    const calls = Array.from({ length: MAX_CALLS_IN_FLIGHT }, () => registry.lookup('job'));
    await expect(registry.lookup('job')).rejects.toMatchObject({ failure: 'overloaded' });
    expect(redis.runs).toHaveLength(MAX_CALLS_IN_FLIGHT);
    clock.advance(REGISTRY_TIMEOUT_MS);
    await Promise.allSettled(calls);
    present(1);
    expect(await registry.lookup('job')).toMatchObject(OWNER);
  });

  test('that fails is logged once in a while, with how many were not logged', async () => {
    // Each claim is two calls: a look at the mark, and itself.
    redis.answer = () => Promise.reject(new Error("OOM command not allowed when used memory > 'maxmemory'."));
    for (let count = 0; count < 5; count += 1)
      await expect(registry.claim('job', 'hash-a', OWNER)).rejects.toMatchObject({ failure: 'full' });
    expect(log).toHaveLength(1);
    clock.advance(30_000);
    await expect(registry.lookup('job')).rejects.toMatchObject({ failure: 'full' });
    expect(log[1]).toContain('"notLogged":9');
  });
});

test('renewals end with the first batch that fails as a whole, and name no lease as lost', async () => {
  redis.answer = () => Promise.reject(new Error('Connection is closed.'));
  const leases = Array.from({ length: 1_000 }, (_, index) => ({ id: `job-${index}`, epoch: 1 }));
  await expect(registry.renew(leases)).rejects.toMatchObject({ code: 'registry_unavailable' });
  expect(redis.runs.filter((script) => script === 'renew')).toHaveLength(500);
});

describe('a claim', () => {
  /** The tenure that the last claim would have got on a free ID: held, elders, horizon, seen, won. */
  async function freshTenure(): Promise<number[]> {
    await registry.claim('job', 'hash-a', OWNER);
    return (redis.args.at(-1) ?? []).slice(9, 13).map(Number);
  }

  beforeEach(async () => {
    redis.answer = (script) =>
      Promise.resolve(script === 'birth' ? '1' : ['claimed', '1', '', '1', '1', '1', '1']);
    redis.events?.usable();
    await settle();
    clock.advance(LEASE_MS);
  });

  test('is of a registry that remembers, a lease after it was reached', async () => {
    expect((await freshTenure())[1]).toBe(1);
  });

  test('that gets through before a new connection has been found usable is of one that may have forgotten', async () => {
    redis.events?.lost();
    const [, elders, horizon] = await freshTenure();
    expect(elders).toBeGreaterThan(1);
    expect(horizon).toBeLessThan(clock.wallTime() - LEASE_MS);
  });

  test('whose look at the mark is not answered is made all the same, in REGISTRY_TIMEOUT_MS, by what is known', async () => {
    const { answer } = redis;
    redis.answer = (script) => (script === 'birth' ? new Promise(() => undefined) : answer(script));
    const claimed = freshTenure();
    clock.advance(REGISTRY_TIMEOUT_MS);
    expect((await claimed)[1]).toBe(1);
    redis.answer = () => new Promise(() => undefined);
    const refused = registry.claim('job', 'hash-a', OWNER).catch((error: unknown) => callFaultFrom(error));
    await settle();
    clock.advance(LOOK_WITHIN_MS);
    await settle();
    clock.advance(REGISTRY_TIMEOUT_MS - LOOK_WITHIN_MS);
    expect(await refused).toMatchObject({ failure: 'timeout' });
  });
});

test('each connect that can be used is told, and losses are logged once', () => {
  redis.events?.usable();
  redis.events?.lost();
  redis.events?.lost();
  redis.events?.usable();
  expect(readies).toBe(2);
  const field = '{"redis":"redis://r.test:6379/0","notLogged":0}';
  expect(log.map((line) => line.replace(field, '').split(' {')[0])).toEqual([
    'redis connected',
    'redis connection lost',
    'redis connected',
  ]);
});

test.each([
  ["READONLY You can't write against a read only replica. script: 3f, on @user_script:8.", 'read_only'],
  ["OOM command not allowed when used memory > 'maxmemory'. script: 3f", 'full'],
  ['NOAUTH Authentication required.', 'refused'],
  ['CLUSTERDOWN Hash slot not served', 'refused'],
  ['LOADING Redis is loading the dataset in memory', 'refused'],
  ['Command timed out', 'timeout'],
  ["Stream isn't writeable and enableOfflineQueue options is false", 'disconnected'],
  ['Reached the max retries per request limit (which is 0).', 'disconnected'],
  ['Connection is closed.', 'disconnected'],
])('%s is %s', (message, failure) => {
  expect(callFaultFrom(new Error(message))).toMatchObject({ failure, code: 'registry_unavailable' });
});

test('a lease outlives two renewals that time out', () => {
  expect(LEASE_MS).toBeGreaterThan(2 * (RENEW_EVERY_MS + REGISTRY_TIMEOUT_MS));
});
