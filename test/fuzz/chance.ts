// Chance that can be repeated: every case has its own, made of the seed, the kind of the case and its number.
import { createHash } from 'node:crypto';
import { randomFrom } from '../support/chance/seeded-random.ts';

export class Chance {
  readonly #random: () => number;

  constructor(seed: number, kind: string, index: number) {
    const mixed = createHash('sha256').update(`${seed} ${kind} ${index}`).digest();
    this.#random = randomFrom(mixed.readUInt32BE(0));
  }

  /** A whole number from 0 up to, and without, `end`. */
  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  /** @throws Error if there is nothing to pick from */
  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  /** True once in this many times. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }
}
