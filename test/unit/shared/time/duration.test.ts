// Durations: what people write and what they read.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatCompact,
  formatDuration,
  formatElapsed,
  MAX_DURATION_MS,
  parseDuration,
  roundToMinute,
} from '#shared/time/duration.ts';

describe('a duration', () => {
  test.each([
    ['90s', 90_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['45', 45_000],
    [' 5M ', 300_000],
    ['90m', 5_400_000],
  ])('"%s" is read as %d ms', (text, ms) => {
    expect(parseDuration(text)).toEqual({ kind: 'duration', ms });
  });

  test.each(['', ' ', 'abc', '10x', '30m1h', '1h1h', '-5m', '1.5h', 'h', '10 m', '1e3'])(
    '"%s" is refused, naming it and the way out',
    (text) => {
      const parsed = parseDuration(text);
      expect(parsed).toMatchObject({
        kind: 'invalid',
        fault: expect.stringContaining(`"${text}"`) as string,
      });
      expect(parsed).toMatchObject({ fault: expect.stringContaining('90s, 10m, 2h') as string });
    },
  );

  test('has a floor and a ceiling', () => {
    expect(parseDuration('0')).toMatchObject({ fault: '"0" is too short: at least 1s' });
    expect(parseDuration('0', 0)).toEqual({ kind: 'duration', ms: 0 });
    expect(parseDuration('8d')).toMatchObject({ fault: '"8d" is too long: at most 7d' });
    expect(parseDuration('9'.repeat(400))).toMatchObject({ kind: 'invalid' });
  });

  test('reads back what it wrote for commands', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MAX_DURATION_MS / 1_000 }), (seconds) => {
        expect(parseDuration(formatCompact(seconds * 1_000))).toEqual({
          kind: 'duration',
          ms: seconds * 1_000,
        });
      }),
    );
  });

  test.each([
    [0, '0 seconds'],
    [1_000, '1 second'],
    [60_000, '1 minute'],
    [59_600, '1 minute'],
    [150_000, '2 minutes 30 seconds'],
    [5_400_000, '1 hour 30 minutes'],
    [90_061_000, '1 day 1 hour'],
    [-5, '0 seconds'],
  ])('%d ms is told as "%s"', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test('that is over is never told as nothing', () => {
    expect(formatElapsed(0)).toBe('less than a second');
    expect(formatElapsed(999)).toBe('less than a second');
    expect(formatElapsed(1_000)).toBe('1 second');
    expect(formatElapsed(90_000)).toBe('1 minute 30 seconds');
  });

  test('is told in whole minutes where seconds say nothing', () => {
    expect(roundToMinute(598_000)).toBe(600_000);
    expect(roundToMinute(59_000)).toBe(59_000);
  });
});
