// The index of blocks: finds what blocks an address in as many steps as there are lengths of prefixes, not blocks.
import { type AddressRange, rangeOf, readTarget, widened } from './block-target.ts';
import type { Block, BlockSubject } from './blocks.ts';

/** By the network's bits, for each length of prefix that occurs. */
type Ranges = Map<number, Map<bigint, Block>>;

/** Immutable: a list that changes gets another index. */
export class BlockIndex {
  readonly #ranges: Readonly<Record<4 | 6, Ranges>> = { 4: new Map(), 6: new Map() };
  readonly #rules = new Map<string, Block>();
  /** Those that it was made of. */
  readonly blocks: readonly Block[];

  /** One block per target; a target that cannot be read blocks nobody. */
  constructor(blocks: Iterable<Block>) {
    this.blocks = [...blocks];
    for (const block of this.blocks) {
      const read = readTarget(block.target);
      if (read.kind === 'invalid') continue;
      if (read.target.kind === 'rule') this.#rules.set(read.target.rule, block);
      else this.#keep(read.target.range, block);
    }
  }

  /** The block in force at `now`, in milliseconds since the Unix epoch, that lasts longest. */
  find({ address, rule }: BlockSubject, now: number): Block | undefined {
    let found: Block | undefined;
    const meet = (block: Block | undefined): void => {
      if (block !== undefined && block.until > now && block.until > (found?.until ?? 0)) found = block;
    };
    if (rule !== undefined) meet(this.#rules.get(rule));
    if (this.#ranges[4].size === 0 && this.#ranges[6].size === 0) return found;
    const exact = rangeOf(address);
    if (exact === undefined) return found;
    for (const [prefix, byNetwork] of this.#ranges[exact.family])
      meet(byNetwork.get(widened(exact, prefix).network));
    return found;
  }

  #keep({ family, prefix, network }: AddressRange, block: Block): void {
    const byNetwork = this.#ranges[family].get(prefix) ?? new Map<bigint, Block>();
    this.#ranges[family].set(prefix, byNetwork);
    byNetwork.set(network, block);
  }
}
