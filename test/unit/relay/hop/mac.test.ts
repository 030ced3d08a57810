// The MAC is HMAC-SHA256 as OpenSSL makes it.
import { createHmac } from 'node:crypto';
import { check, property, string, uint8Array } from 'fast-check';
import { expect, test } from 'vitest';
import { Mac } from '../../../../services/relay/hop/mac.ts';

const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text);

test('is that of OpenSSL, for every key and text, one after the other', () => {
  const keys = uint8Array({ minLength: 0, maxLength: 64 });
  const texts = string({ unit: 'binary', maxLength: 3_000 });
  const isSame = property(keys, texts, texts, (bytes, first, second) => {
    const key = Buffer.from(bytes);
    const mac = new Mac(key);
    for (const text of [first, second, '']) {
      expect(mac.digest(text, 'base64url')).toBe(hmac(key, text).digest('base64url'));
      expect(mac.digest(text, 'buffer').equals(hmac(key, text).digest())).toBe(true);
    }
  });
  expect(check(isSame, { numRuns: 500 })).toMatchObject({ failed: false });
});

test.each([4_095, 4_096, 4_097, 100_000])('also of %i bytes', (length) => {
  const key = Buffer.alloc(32, 7);
  for (const text of ['x'.repeat(length), 'é'.repeat(length / 2)])
    expect(new Mac(key).digest(text, 'base64url')).toBe(hmac(key, text).digest('base64url'));
});
