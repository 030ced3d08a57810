// The token bucket: what may come at once and in the long run, and what a look at it costs.
import { expect, test } from 'vitest';
import { TokenBucket } from '#shared/time/token-bucket.ts';

test('gives a burst, then its rate; whoever cannot have all takes none', () => {
  const bucket = new TokenBucket({ burst: 10, perSecond: 2 }, 0);
  expect([bucket.take(0, 7), bucket.take(0, 7), bucket.take(0, 3)]).toEqual([0, 2_000, 0]);
  expect([bucket.take(1_499, 3), bucket.take(1_500, 3)]).toEqual([1, 0]);
});

test('a look takes nothing, however often', () => {
  const bucket = new TokenBucket({ burst: 10, perSecond: 2 }, 0);
  for (let look = 0; look < 100; look += 1) expect(bucket.waitFor(0, 10)).toBe(0);
  expect([bucket.take(0, 10), bucket.waitFor(0, 1), bucket.waitFor(500, 1)]).toEqual([0, 500, 0]);
});

test('what has happened already is a debt', () => {
  const bucket = new TokenBucket({ burst: 10, perSecond: 2 }, 0);
  expect([bucket.spend(0, 14), bucket.spend(1_000, 0), bucket.spend(2_000, 0)]).toEqual([2_000, 1_000, 0]);
});
