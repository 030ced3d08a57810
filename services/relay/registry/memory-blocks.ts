// The blocks of a relay that is alone: a list in memory, which ends with the process.
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { BlockIndex } from './block-index.ts';
import { type AddOutcome, type Block, type BlockSubject, type Blocks, MAX_BLOCKS } from './blocks.ts';

/** Lists made over one `MemoryBlockStore` see the same blocks, as pods that share a Redis do. */
export class MemoryBlockStore {
  index = new BlockIndex([]);
}

export class MemoryBlocks implements Blocks {
  readonly #clock: Clock;
  readonly #store: MemoryBlockStore;

  constructor(clock: Clock, store = new MemoryBlockStore()) {
    this.#clock = clock;
    this.#store = store;
  }

  start(): Cancel {
    // Nobody else writes into it.
    return () => undefined;
  }

  find(who: BlockSubject): Block | undefined {
    return this.#store.index.find(who, this.#clock.wallTime());
  }

  list(): readonly Block[] {
    return blocksInForce(this.#store.index.blocks, this.#clock.wallTime());
  }

  add(block: Block): Promise<AddOutcome> {
    const others = this.list().filter(({ target }) => target !== block.target);
    if (others.length >= MAX_BLOCKS) return Promise.resolve({ kind: 'full' });
    this.#store.index = new BlockIndex([...others, block]);
    return Promise.resolve({ kind: 'added' });
  }

  remove(target: string): Promise<boolean> {
    const before = this.list();
    const others = before.filter((block) => block.target !== target);
    this.#store.index = new BlockIndex(others);
    return Promise.resolve(others.length < before.length);
  }
}

/** Those that have not ended at `now`, the next to end first. */
export function blocksInForce(blocks: readonly Block[], now: number): readonly Block[] {
  return blocks
    .filter(({ until }) => until > now)
    .sort((one, other) => one.until - other.until || (one.target < other.target ? -1 : 1));
}
