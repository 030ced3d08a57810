// Backoff with full jitter.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Backoff, RETURN_GROWTH } from '#shared/time/backoff.ts';

const almostOne = 1 - Number.EPSILON / 2;

test('the bound doubles with each attempt up to the maximum, and starts over after a reset', () => {
  const backoff = new Backoff({ firstMs: 50, maxMs: 300, random: () => almostOne });
  expect([1, 2, 3, 4, 5].map(() => backoff.next())).toEqual([49, 99, 199, 299, 299]);
  backoff.reset();
  expect(backoff.next()).toBe(49);
});

test('the bound of one who returns grows by half', () => {
  const backoff = new Backoff({ firstMs: 50, maxMs: 200, growth: RETURN_GROWTH, random: () => almostOne });
  expect([1, 2, 3, 4, 5].map(() => backoff.next())).toEqual([49, 74, 112, 168, 199]);
});

test('full jitter: a wait may be as short as nothing', () => {
  const backoff = new Backoff({ firstMs: 50, maxMs: 3_000, random: () => 0 });
  expect([backoff.next(), backoff.next()]).toEqual([0, 0]);
});

test('no wait is ever negative, fractional or longer than the maximum', () => {
  const random = fc.double({ min: 0, max: almostOne, noNaN: true });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 1, max: 10_000 }),
      random,
      (first, max, chance) => {
        const backoff = new Backoff({ firstMs: first, maxMs: max, random: () => chance });
        for (let attempt = 0; attempt < 100; attempt += 1) {
          const wait = backoff.next();
          expect(Number.isInteger(wait) && wait >= 0 && wait <= max).toBe(true);
        }
      },
    ),
  );
});
