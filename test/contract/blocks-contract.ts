// The contract of blocks, B1 to B4 of blocks.ts, as tests that any implementation must pass.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  BLOCKS_KNOWN_WITHIN_MS,
  type Block,
  type Blocks,
  MAX_BLOCKS,
  MIN_BLOCK_MS,
  POLL_BLOCKS_EVERY_MS,
} from '../../services/relay/registry/blocks.ts';

/** One implementation, ready for one test. */
export interface BlocksHarness {
  /** Three pods that share one store, which is empty; all of them have started. */
  readonly pods: readonly [Blocks, Blocks, Blocks];
  /** Lets this much time pass, and what falls due in it happen. */
  advance(ms: number): Promise<void>;
  wallTime(): number;
  /** Puts many into the empty store in one go. */
  fill(blocks: readonly Block[]): Promise<void>;
  stop(): Promise<void>;
}

/** A block from `now` on. */
export function blockOf(target: string, now: number, ms = MIN_BLOCK_MS, why = 'abuse'): Block {
  return { target, since: now, until: now + ms, by: 'ada', why };
}

/** Declares the suite for the implementation that `open` gives. */
export function describeBlocks(name: string, open: () => Promise<BlocksHarness>): void {
  describe(`the contract of blocks, kept by ${name}`, () => {
    let harness: BlocksHarness;
    let here: Blocks;
    let there: Blocks;
    let elsewhere: Blocks;

    beforeEach(async () => {
      harness = await open();
      [here, there, elsewhere] = harness.pods;
    });
    afterEach(async () => {
      await harness.stop();
    });

    test('B1 three pods know a block within the time that is promised, and the one that made it at once', async () => {
      expect(BLOCKS_KNOWN_WITHIN_MS).toBeGreaterThanOrEqual(2 * POLL_BLOCKS_EVERY_MS);
      const block = blockOf('203.0.113.0/24', harness.wallTime(), 600_000);
      expect(await here.add(block)).toEqual({ kind: 'added' });
      expect(here.find({ address: '203.0.113.7' })).toEqual(block);
      await harness.advance(POLL_BLOCKS_EVERY_MS);
      for (const pod of [here, there, elsewhere]) {
        expect(pod.find({ address: '203.0.113.255' })).toEqual(block);
        expect(pod.find({ address: '203.0.114.0' })).toBeUndefined();
        expect(pod.list()).toEqual([block]);
      }
    });

    test('B2 it ends by itself, to the millisecond', async () => {
      await here.add(blockOf('203.0.113.7', harness.wallTime()));
      await harness.advance(POLL_BLOCKS_EVERY_MS);
      await harness.advance(MIN_BLOCK_MS - POLL_BLOCKS_EVERY_MS - 1);
      expect(there.find({ address: '203.0.113.7' })).toBeDefined();
      await harness.advance(1);
      for (const pod of harness.pods) {
        expect(pod.find({ address: '203.0.113.7' })).toBeUndefined();
        expect(pod.list()).toEqual([]);
      }
    });

    test('B2 it is removed for all, once', async () => {
      await here.add(blockOf('rule:acme', harness.wallTime()));
      await here.add(blockOf('203.0.113.7', harness.wallTime()));
      await harness.advance(POLL_BLOCKS_EVERY_MS);
      expect(await there.remove('rule:acme')).toBe(true);
      expect(there.find({ address: '192.0.2.1', rule: 'acme' })).toBeUndefined();
      await harness.advance(POLL_BLOCKS_EVERY_MS);
      expect(await elsewhere.remove('rule:acme')).toBe(false);
      expect(here.list().map(({ target }) => target)).toEqual(['203.0.113.7']);
    });

    test('B2 a second block of the same target takes the place of the first, also a shorter one', async () => {
      await here.add(blockOf('203.0.113.7', harness.wallTime(), 3_600_000));
      await harness.advance(POLL_BLOCKS_EVERY_MS);
      const second = blockOf('203.0.113.7', harness.wallTime(), 600_000, 'less');
      await there.add(second);
      await harness.advance(POLL_BLOCKS_EVERY_MS);
      for (const pod of harness.pods) expect(pod.list()).toEqual([second]);
    });

    test('B2 blocks that two pods make in the same moment are both there', async () => {
      const [one, other] = [
        blockOf('rule:a', harness.wallTime()),
        blockOf('rule:b', harness.wallTime(), 120_000),
      ];
      await Promise.all([here.add(one), there.add(other)]);
      await harness.advance(POLL_BLOCKS_EVERY_MS);
      await harness.advance(POLL_BLOCKS_EVERY_MS);
      for (const pod of harness.pods) expect(pod.list()).toEqual([one, other]);
    });

    test('B3 a rule is blocked wherever somebody comes from, and the longest block is found', async () => {
      const now = harness.wallTime();
      await here.add(blockOf('203.0.113.7', now, 120_000));
      await here.add(blockOf('203.0.112.0/20', now, 600_000));
      await here.add(blockOf('rule:acme', now, 300_000));
      await here.add(blockOf('2001:db8::/32', now, 300_000));
      expect(here.find({ address: '203.0.113.7', rule: 'acme' })?.target).toBe('203.0.112.0/20');
      expect(here.find({ address: '192.0.2.1', rule: 'acme' })?.target).toBe('rule:acme');
      expect(here.find({ address: '192.0.2.1', rule: 'acme-2' })).toBeUndefined();
      expect(here.find({ address: '2001:db8:ffff::1' })?.target).toBe('2001:db8::/32');
      expect(here.find({ address: '2001:db9::1' })).toBeUndefined();
      expect(here.list().map(({ target }) => target)).toEqual([
        '203.0.113.7',
        '2001:db8::/32',
        'rule:acme',
        '203.0.112.0/20',
      ]);
    });

    test('B4 there are only so many; those that have ended make room', async () => {
      const now = harness.wallTime();
      const all = Array.from({ length: MAX_BLOCKS }, (_, index) =>
        blockOf(`10.${index >> 8}.${index & 255}.1`, now, index < 2 ? 60_000 : 600_000),
      );
      await harness.fill(all);
      await harness.advance(POLL_BLOCKS_EVERY_MS);
      expect(here.list()).toHaveLength(MAX_BLOCKS);
      expect(await here.add(blockOf('192.0.2.1', now))).toEqual({ kind: 'full' });
      expect(here.find({ address: '192.0.2.1' })).toBeUndefined();
      // One that is there already is no more than before.
      expect(await here.add(blockOf('10.0.9.1', now, 900_000))).toEqual({ kind: 'added' });
      await harness.advance(60_000);
      expect(await here.add(blockOf('192.0.2.1', harness.wallTime()))).toEqual({ kind: 'added' });
      await harness.advance(POLL_BLOCKS_EVERY_MS);
      await harness.advance(POLL_BLOCKS_EVERY_MS);
      expect(there.list()).toHaveLength(MAX_BLOCKS - 1);
      expect(there.find({ address: '192.0.2.1' })).toBeDefined();
    }, 120_000);
  });
}
