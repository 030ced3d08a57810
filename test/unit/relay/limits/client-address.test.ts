// Lists of ranges: what is in one, and that no range of one family has the addresses of the other.
import { describe, expect, test } from 'vitest';
import { inRanges } from '../../../../services/relay/limits/client-address.ts';

describe('a range', () => {
  test('has its own addresses, in whatever form they are written', () => {
    const isIn = inRanges(['203.0.113.0/24', '2001:db8::/32', '192.0.2.7', '2001:db9::1']);
    const inside = ['203.0.113.9', '::ffff:203.0.113.9', '2001:DB8:0:1::5', '192.0.2.7', '2001:db9:0::1'];
    expect(inside.filter((address) => !isIn(address))).toEqual([]);
    const outside = ['203.0.114.9', '2001:db9::2', '192.0.2.8', 'no address', ''];
    expect(outside.filter(isIn)).toEqual([]);
  });

  test.each(['::/0', '::/1', '::/64', '::ffff:0:0/90'])('of IPv6 has no IPv4 address: %s', (range) => {
    const isIn = inRanges([range]);
    expect(['192.0.2.7', '::ffff:192.0.2.7', '10.0.0.1'].filter(isIn)).toEqual([]);
  });

  test('of IPv4 has no IPv6 address, and all IPv4 ones where it has no prefix', () => {
    const isIn = inRanges(['0.0.0.0/0']);
    expect([isIn('192.0.2.7'), isIn('::ffff:192.0.2.7'), isIn('2001:db8::1'), isIn('::1')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(inRanges(['::/0'])('2001:db8::1')).toBe(true);
  });

  test('that is written as IPv6 and means IPv4 is one of IPv4', () => {
    const isIn = inRanges(['::ffff:10.0.0.0/104', '::ffff:192.0.2.7', '::ffff:c612:0/112']);
    expect(['10.1.2.3', '192.0.2.7', '198.18.255.1'].filter((address) => !isIn(address))).toEqual([]);
    expect(['11.0.0.1', '192.0.2.8', '198.19.0.1', '2001:db8::1'].filter(isIn)).toEqual([]);
  });
});
