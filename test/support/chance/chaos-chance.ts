// Chance in the tests of chaos: the seed is printed, and taken from CHAOS_SEED.
import { randomInt } from 'node:crypto';
import { randomFrom } from './seeded-random.ts';

export interface ChaosChance {
  /** A whole number of at least `from` and less than `to`. */
  between(from: number, to: number): number;
}

export function takeChance(): ChaosChance {
  const seed = Number(process.env['CHAOS_SEED'] ?? randomInt(1_000_000));
  console.log(`chaos: CHAOS_SEED=${seed}`);
  const random = randomFrom(seed);
  return { between: (from, to) => from + Math.floor(random() * (to - from)) };
}
