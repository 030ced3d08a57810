// What counts as one address when shares are handed out.
import { expect, test } from 'vitest';
import { clientSourceOf } from '#shared/protocol/address.ts';

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::FFFF:c000:0207', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['unknown', 'unknown'],
  ['', ''],
  ['x'.repeat(1_000), 'x'.repeat(64)],
])('%j is of %j', (address, source) => {
  expect(clientSourceOf(address)).toBe(source);
});

test('neighbours in one /64 are one source, and those in the next are another', () => {
  expect(clientSourceOf('2001:db8::ffff:ffff:ffff:ffff')).toBe(clientSourceOf('2001:db8::'));
  expect(clientSourceOf('2001:db8:0:1::')).not.toBe(clientSourceOf('2001:db8::'));
});
