// The contract of blocks, kept by lists in memory.
import { BlockIndex } from '../../services/relay/registry/block-index.ts';
import type { Block } from '../../services/relay/registry/blocks.ts';
import { MemoryBlockStore, MemoryBlocks } from '../../services/relay/registry/memory-blocks.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { type BlocksHarness, describeBlocks } from './blocks-contract.ts';

describeBlocks('lists in memory', () => {
  const clock = new ManualClock();
  const store = new MemoryBlockStore();
  const open = (): MemoryBlocks => new MemoryBlocks(clock, store);
  const pods = [open(), open(), open()] as const;
  for (const pod of pods) pod.start()();
  return Promise.resolve<BlocksHarness>({
    pods,
    advance(ms) {
      clock.advance(ms);
      return Promise.resolve();
    },
    wallTime: () => clock.wallTime(),
    fill(blocks: readonly Block[]) {
      store.index = new BlockIndex(blocks);
      return Promise.resolve();
    },
    stop: () => Promise.resolve(),
  });
});
