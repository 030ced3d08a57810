// Addresses of peers: what of the things that are written there is one, and in which form.
import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isAddress, MAX_ADDRESS_LENGTH, NO_ADDRESS, readAddress } from '#shared/protocol/address.ts';

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['192.0.2.7:1', '192.0.2.7'],
  ['192.0.2.7:65535', '192.0.2.7'],
  [' 192.0.2.7 ', '192.0.2.7'],
  ['"192.0.2.7:80"', '192.0.2.7'],
  ['2001:DB8::A', '2001:db8::a'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['::', '::'],
  ['::1', '::1'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::FFFF:c000:207', '192.0.2.7'],
  ['[::ffff:192.0.2.7]:80', '192.0.2.7'],
  ['0:0:0:0:0:ffff:192.0.2.7', '192.0.2.7'],
  ['64:ff9b::192.0.2.7', '64:ff9b::c000:207'],
  ['fe80::1%eth0', 'fe80::1'],
  ['[fe80::1%25eth0]:22', 'fe80::1'],
  [NO_ADDRESS, NO_ADDRESS],
])('%j is %s', (written, address) => {
  expect(readAddress(written)).toBe(address);
});

test.each([
  undefined,
  '',
  'localhost',
  '192.0.2',
  '192.0.2.256',
  '192.0.2.07',
  '192.0.2.7/24',
  '192.0.2.7:',
  '192.0.2.7:123456',
  '192.0.2.7:80:80',
  '[192.0.2.7]:80',
  '[2001:db8::1',
  '2001:db8::1]',
  '[]',
  ':80',
  '2001:db8::1::',
  '1.2.3.4, 5.6.7.8',
  '1.2.3.4\n5.6.7.8',
  `1.2.3.4${' '.repeat(200)}`,
  'x'.repeat(1_025),
])('%j is none', (written) => {
  expect(readAddress(written)).toBeUndefined();
});

test('whatever is written, what is read from it is a bounded IP address, and its own reading', () => {
  const written = fc.oneof(
    fc.string(),
    fc.ipV4(),
    fc.ipV6(),
    fc
      .tuple(
        fc.constantFrom('', '[', '"', '::ffff:'),
        fc.oneof(fc.ipV4(), fc.ipV6()),
        fc.constantFrom('', ']', '%a', ':1', ']:1', '"'),
      )
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(written, (text) => {
      const address = readAddress(text);
      if (address === undefined) return;
      expect(isIP(address)).not.toBe(0);
      expect(address.length).toBeLessThanOrEqual(MAX_ADDRESS_LENGTH);
      expect(isAddress(address)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
  fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => readAddress(text) !== undefined));
});
