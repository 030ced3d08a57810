// Range and Accept-Encoding headers of downloads, as RFC 9110 wants them read.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseByteRange, resolveByteRange } from '../../../../services/relay/http/download/byte-range.ts';
import { acceptableCodings } from '../../../../services/relay/http/download/content-coding.ts';

function spanOf(header: string, size: number) {
  const range = parseByteRange(header);
  return range === undefined ? 'ignored' : (resolveByteRange(range, size) ?? 'unsatisfiable');
}

describe('a byte range', () => {
  test.each([
    ['bytes=0-9', 100, { start: 0, end: 9 }],
    ['bytes=90-', 100, { start: 90, end: 99 }],
    ['bytes=90-500', 100, { start: 90, end: 99 }],
    ['bytes=-10', 100, { start: 90, end: 99 }],
    ['bytes=-500', 100, { start: 0, end: 99 }],
    ['bytes=99-99', 100, { start: 99, end: 99 }],
    ['bytes=100-', 100, 'unsatisfiable'],
    ['bytes=-0', 100, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=9999999999999999999999-', 100, 'unsatisfiable'],
    ['bytes=9-0', 100, 'ignored'],
    ['bytes=-', 100, 'ignored'],
    ['bytes=0-1,5-6', 100, 'ignored'],
    ['lines=0-1', 100, 'ignored'],
    ['bytes=a-b', 100, 'ignored'],
  ])('%s of %d bytes is %j', (header, size, expected) => {
    expect(spanOf(header, size)).toEqual(expected);
  });

  test('never leaves the file, whatever the numbers', () => {
    const part = fc.oneof(fc.nat(), fc.bigInt({ min: 0n }), fc.constant(''));
    fc.assert(
      fc.property(part, part, fc.nat(), (first, last, size) => {
        const span = spanOf(`bytes=${first}-${last}`, size);
        if (typeof span === 'string') return;
        expect(span.start).toBeGreaterThanOrEqual(0);
        expect(span.end).toBeGreaterThanOrEqual(span.start);
        expect(span.end).toBeLessThan(size);
      }),
    );
  });
});

describe('the accepted codings', () => {
  test.each([
    [undefined, ['identity']],
    ['', ['identity']],
    ['gzip', ['gzip', 'identity']],
    ['deflate, gzip, br, zstd', ['zstd', 'gzip', 'identity']],
    ['GZIP ; Q=1.0', ['gzip', 'identity']],
    ['zstd;q=0.2, gzip;q=0.8', ['gzip', 'zstd', 'identity']],
    ['zstd;q=0, gzip', ['gzip', 'identity']],
    ['gzip;q=0.5, identity', ['identity', 'gzip']],
    ['identity', ['identity']],
    ['*', ['zstd', 'gzip', 'identity']],
    ['gzip, *;q=0', ['gzip']],
    ['identity;q=0, br', ['identity']],
    ['gzip;q=7', ['identity']],
  ])('%s allows %j, best first', (header, expected) => {
    expect(acceptableCodings(header)).toEqual(expected);
  });

  test('are never none', () => {
    fc.assert(fc.property(fc.string(), (header) => acceptableCodings(header).length > 0));
  });
});
