// The contract of blocks, kept by pods that share a real Redis; and B5 to B7, which only a store outside has.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type Block,
  type Blocks,
  MAX_BLOCK_MS,
  MAX_BLOCKS,
  POLL_BLOCKS_EVERY_MS,
} from '../../services/relay/registry/blocks.ts';
import { entryOf } from '../../services/relay/registry/redis/redis-block-entry.ts';
import { RedisBlocks } from '../../services/relay/registry/redis/redis-blocks.ts';
import { PATIENT, type RedisPod, RedisPods, signWith } from '../support/redis/redis-pods.ts';
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { until } from '../support/time/poll.ts';
import { type BlocksHarness, blockOf, describeBlocks } from './blocks-contract.ts';

const KEY = 'converge:blocks';
const SECRET = 'a secret of the cluster under test';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server[Symbol.asyncDispose]());

function signerWith(secret: string) {
  return {
    sign: (text: string) => signWith(secret, text),
    verify: (text: string, signature: string) => signWith(secret, text) === signature,
  };
}

interface OpenedPod {
  readonly blocks: RedisBlocks;
  readonly pod: RedisPod;
  readonly log: string[];
}

/** Pods of the test, on one clock that it moves. */
class Cluster {
  readonly clock = new ManualClock(1_800_000_000_000);
  readonly #pods = new RedisPods(server.url, PATIENT);
  readonly #opened: OpenedPod[] = [];

  async open(secret = SECRET): Promise<OpenedPod> {
    const pod = this.#pods.open();
    await pod.ready();
    const log: string[] = [];
    const blocks = new RedisBlocks({
      calls: pod.registry.calls,
      clock: this.clock,
      log: { warn: (fields, message) => log.push(`${message} ${JSON.stringify(fields)}`) },
      recorder: { registryEntryDistrusted: (fault) => (pod.faults as string[]).push(fault) },
      ...signerWith(secret),
    });
    const opened = { blocks, pod, log };
    this.#opened.push(opened);
    const looks = this.#looks(opened);
    blocks.start();
    await this.#looked(opened, looks);
    return opened;
  }

  /** Time passes, and every pod that has to look has looked. */
  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= POLL_BLOCKS_EVERY_MS) {
      const step = Math.min(left, POLL_BLOCKS_EVERY_MS);
      const before = this.#opened.map((opened) => this.#looks(opened));
      this.clock.advance(left > 10 * POLL_BLOCKS_EVERY_MS ? left - POLL_BLOCKS_EVERY_MS : step);
      if (left > 10 * POLL_BLOCKS_EVERY_MS) left = 2 * POLL_BLOCKS_EVERY_MS;
      if (step < POLL_BLOCKS_EVERY_MS) return;
      for (const [index, opened] of this.#opened.entries()) await this.#looked(opened, before[index] ?? 0);
    }
  }

  async stop(): Promise<void> {
    await this.#pods[Symbol.asyncDispose]();
  }

  #looks({ pod }: OpenedPod): number {
    return pod.calls.filter((call) => call.startsWith('blocks ')).length;
  }

  /** A timer is set again once a look, and what it found, is done. */
  async #looked(opened: OpenedPod, before: number): Promise<void> {
    await until('it has looked', () => this.#looks(opened) > before);
    await until('all have done', () => this.clock.pending === this.#opened.length);
  }
}

async function openThree(): Promise<{ cluster: Cluster; opened: readonly OpenedPod[] }> {
  await server.call('FLUSHALL');
  const cluster = new Cluster();
  const opened: OpenedPod[] = [];
  for (let count = 0; count < 3; count += 1) opened.push(await cluster.open());
  return { cluster, opened };
}

describeBlocks('redis', async () => {
  const { cluster, opened } = await openThree();
  const pods = opened.map(({ blocks }) => blocks) as unknown as readonly [Blocks, Blocks, Blocks];
  return {
    pods,
    advance: (ms) => cluster.advance(ms),
    wallTime: () => cluster.clock.wallTime(),
    async fill(blocks) {
      const words = blocks.flatMap((block) => {
        const { field, value } = entryOf(block, signerWith(SECRET));
        return [field, value];
      });
      await server.call('HSET', KEY, ...words, 'version', 'test.1');
    },
    stop: () => cluster.stop(),
  } satisfies BlocksHarness;
});

describe('blocks in redis', () => {
  let cluster: Cluster;
  let here: OpenedPod;
  let there: OpenedPod;
  let block: Block;

  beforeEach(async () => {
    const three = await openThree();
    cluster = three.cluster;
    [here, there] = three.opened as [OpenedPod, OpenedPod];
    block = blockOf('203.0.113.0/24', cluster.clock.wallTime(), 3_600_000);
  });
  afterEach(() => cluster.stop());

  test('a pod that starts later knows them from its first look', async () => {
    await here.blocks.add(block);
    const late = await cluster.open();
    expect(late.blocks.list()).toEqual([block]);
  });

  test('as long as nothing changes, a look is one small call', async () => {
    await here.blocks.add(block);
    await cluster.advance(POLL_BLOCKS_EVERY_MS);
    const before = there.pod.calls.length;
    for (let round = 0; round < 5; round += 1) await cluster.advance(POLL_BLOCKS_EVERY_MS);
    const calls = there.pod.calls.slice(before).filter((call) => call.startsWith('blocks'));
    expect(calls).toEqual(Array<string>(5).fill('blocks ok'));
  });

  test('the hash goes by itself when no block can be in it any more', async () => {
    await here.blocks.add(block);
    const ttl = Number(await server.call('PTTL', KEY));
    expect(ttl).toBeGreaterThan(MAX_BLOCK_MS);
    expect(ttl).toBeLessThan(MAX_BLOCK_MS + 2 * 3_600_000);
  });

  test('what has ended is cleared away by the next write', async () => {
    await here.blocks.add(blockOf('rule:short', cluster.clock.wallTime()));
    cluster.clock.stepWall(120_000);
    await here.blocks.add({ ...block, since: cluster.clock.wallTime() });
    expect(new Set((await server.call('HKEYS', KEY)) as string[])).toEqual(
      new Set(['version', 'block:203.0.113.0/24']),
    );
  });

  describe('B5 while redis is away', () => {
    afterEach(async () => {
      await server.restart({ keep: false });
    });

    test('the last known list stays in force, and nothing can be changed', async () => {
      await here.blocks.add(block);
      await cluster.advance(POLL_BLOCKS_EVERY_MS);
      await server.kill();
      const away = { code: 'registry_unavailable' };
      await expect(here.blocks.add(blockOf('rule:a', cluster.clock.wallTime()))).rejects.toMatchObject(away);
      await expect(here.blocks.remove(block.target)).rejects.toMatchObject(away);
      await cluster.advance(POLL_BLOCKS_EVERY_MS);
      for (const { blocks } of [here, there]) expect(blocks.list()).toEqual([block]);
      cluster.clock.stepWall(3_600_000);
      expect(here.blocks.find({ address: '203.0.113.7' })).toBeUndefined();
    });

    test('B6 it gets the list back when it comes back without it', async () => {
      await here.blocks.add(block);
      await cluster.advance(POLL_BLOCKS_EVERY_MS);
      await server.restart({ keep: false });
      await Promise.all([here.pod.ready(2), there.pod.ready(2)]);
      await cluster.advance(POLL_BLOCKS_EVERY_MS);
      const late = await cluster.open();
      expect(late.blocks.list()).toEqual([block]);
      expect([...here.log, ...there.log].join()).toContain('blocks written back');
    });
  });

  test('B6 an emptied redis has the list again after one look, though a newcomer wrote into it first', async () => {
    await here.blocks.add(block);
    await cluster.advance(POLL_BLOCKS_EVERY_MS);
    await server.call('FLUSHALL');
    const late = await cluster.open();
    const other = blockOf('rule:acme', cluster.clock.wallTime(), 600_000);
    await late.blocks.add(other);
    for (let round = 0; round < 3; round += 1) await cluster.advance(POLL_BLOCKS_EVERY_MS);
    for (const { blocks } of [here, there, late]) expect(blocks.list()).toEqual([other, block]);
  });

  test('B6 a replica that lags, and has become the master, gets the last block back', async () => {
    await here.blocks.add(block);
    const [version, value] = (await server.call('HMGET', KEY, 'version', 'block:203.0.113.0/24')) as string[];
    const last = blockOf('rule:last', cluster.clock.wallTime(), 600_000);
    await here.blocks.add(last);
    await cluster.advance(POLL_BLOCKS_EVERY_MS);
    await server.call('DEL', KEY);
    await server.call('HSET', KEY, 'version', version ?? '', 'block:203.0.113.0/24', value ?? '');
    for (let round = 0; round < 3; round += 1) await cluster.advance(POLL_BLOCKS_EVERY_MS);
    for (const { blocks } of [here, there]) expect(blocks.list()).toEqual([last, block]);
    expect(await server.call('HEXISTS', KEY, 'block:rule:last')).toBe(1);
  });

  test('B6 a removed block does not come back with a version that only went on', async () => {
    await here.blocks.add(block);
    await cluster.advance(POLL_BLOCKS_EVERY_MS);
    await there.blocks.remove(block.target);
    await there.blocks.add(blockOf('rule:other', cluster.clock.wallTime()));
    await cluster.advance(POLL_BLOCKS_EVERY_MS);
    expect(here.blocks.list().map(({ target }) => target)).toEqual(['rule:other']);
  });

  describe('B7 a stranger who writes into redis', () => {
    /** As if a relay had written it. */
    async function plant(field: string, value: string): Promise<void> {
      await server.call('HSET', KEY, field, value, 'version', `stranger.${plants++}`);
      await cluster.advance(POLL_BLOCKS_EVERY_MS);
    }
    let plants = 1;

    test('blocks nobody with a block that another cluster has signed, or that was signed for another target', async () => {
      const foreign = entryOf(block, signerWith('another secret'));
      await plant(foreign.field, foreign.value);
      const own = entryOf({ ...block, target: '192.0.2.1' }, signerWith(SECRET));
      await plant(foreign.field, own.value);
      await plant(foreign.field, own.value.replace('abuse', 'abuse!'));
      expect(here.blocks.find({ address: '203.0.113.7' })).toBeUndefined();
      expect(here.pod.faults).toEqual(['bad_signature', 'bad_signature', 'bad_signature']);
    });

    test.each([
      ['no JSON', 'block:203.0.113.7', 'x'],
      ['no list', 'block:203.0.113.7', '{}'],
      ['too few fields', 'block:203.0.113.7', '[1,2,"a","b"]'],
      ['numbers as text', 'block:203.0.113.7', '["1","2","a","b","c"]'],
      ['a target that is none', 'block:anybody', '[1,0,"a","b","c"]'],
      ['another field', 'hello', 'world'],
      ['a value of a megabyte', 'block:203.0.113.7', 'x'.repeat(1_000_000)],
    ])('is not read, and cleared away: %s', async (_, field, value) => {
      await plant(field, value);
      expect(here.blocks.list()).toEqual([]);
      expect(here.pod.faults).toEqual(['malformed']);
      await here.blocks.add(block);
      expect(new Set((await server.call('HKEYS', KEY)) as string[])).toEqual(
        new Set(['version', 'block:203.0.113.0/24']),
      );
    });

    test('cannot have a block outlast what an operator may set, by a signature of ours over less', async () => {
      const long = entryOf({ ...block, until: block.since + 2 * MAX_BLOCK_MS }, signerWith(SECRET));
      await plant(long.field, long.value);
      expect(here.blocks.list()).toEqual([]);
    });

    test('who fills it up, or makes something else of it, keeps nobody from blocking', async () => {
      await here.blocks.add(block);
      await cluster.advance(POLL_BLOCKS_EVERY_MS);
      await server.call('DEL', KEY);
      await server.call('SET', KEY, 'a string');
      await cluster.advance(POLL_BLOCKS_EVERY_MS);
      expect(await server.call('TYPE', KEY)).toBe('hash');
      for (let at = 0; at < 2 * MAX_BLOCKS + 2; at += 2_000) {
        const words = Array.from({ length: 2_000 }, (_, index) => [`junk-${at + index}`, 'x']).flat();
        await server.call('HSET', KEY, ...words);
      }
      const other = blockOf('rule:acme', cluster.clock.wallTime(), 600_000);
      expect(await there.blocks.add(other)).toEqual({ kind: 'added' });
      for (let round = 0; round < 3; round += 1) await cluster.advance(POLL_BLOCKS_EVERY_MS);
      expect(here.blocks.list()).toEqual([other, block]);
      expect(Number(await server.call('HLEN', KEY))).toBe(3);
    });
  });
});
