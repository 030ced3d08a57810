// Lists of addresses: what is in a range, compared bit by bit, and lists that are none.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readAddressList } from '../../../../services/shared/ssh/address-list.ts';

/** The address as bits, and in one of the ways to write it. */
interface Written {
  readonly bits: string;
  readonly text: string;
}

function ipv4(value: number): Written {
  const bytes = [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
  return { bits: bytes.map((byte) => byte.toString(2).padStart(8, '0')).join(''), text: bytes.join('.') };
}

function ipv6(groups: readonly number[]): Written {
  const bits = groups.map((group) => group.toString(2).padStart(16, '0')).join('');
  return { bits, text: groups.map((group) => group.toString(16)).join(':') };
}

const anyIpv4 = fc.nat(0xffff_ffff).map(ipv4);
const anyIpv6 = fc
  .array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  // An IPv4 address in the form of IPv6 is compared as IPv4.
  .filter((groups) => !groups.slice(0, 5).every((group) => group === 0))
  .map(ipv6);

/** Two addresses with as many bits in common as the second number says. */
const pair = fc
  .tuple(fc.oneof(fc.tuple(anyIpv4, anyIpv4), fc.tuple(anyIpv6, anyIpv6)), fc.nat(128), fc.nat(128))
  .map(([[network, other], common, prefix]) => {
    const length = network.bits.length;
    const shared = Math.min(common, length);
    const bits = network.bits.slice(0, shared) + other.bits.slice(shared);
    return { network: network.bits, address: bits, prefix: Math.min(prefix, length) };
  });

function textOf(bits: string): string {
  if (bits.length === 32) return ipv4(Number.parseInt(bits, 2)).text;
  return ipv6((bits.match(/.{16}/g) ?? []).map((group) => Number.parseInt(group, 2))).text;
}

test('an address is in a range if it begins with the same bits', () => {
  const answers = new Set<boolean>();
  fc.assert(
    fc.property(pair, ({ network, address, prefix }) => {
      const range = `${textOf(network.slice(0, prefix).padEnd(network.length, '0'))}/${prefix}`;
      const isIn = network.slice(0, prefix) === address.slice(0, prefix);
      const written = textOf(address);
      // What begins with zeros may be an IPv4 address in disguise.
      fc.pre(written.includes('.') || !written.startsWith('0:0:0:0:0:'));
      answers.add(isIn);
      expect(readAddressList(range)?.includes(written), `${written} in ${range}`).toBe(isIn);
    }),
    { numRuns: 2_000 },
  );
  expect(answers.size).toBe(2);
});

test('a range with bits behind its prefix is no range, as for sshd', () => {
  fc.assert(
    fc.property(pair, ({ network, prefix }) => {
      const isNetwork = !network.slice(prefix).includes('1');
      expect(readAddressList(`${textOf(network)}/${prefix}`) !== undefined).toBe(isNetwork);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['', 'nothing'],
  [',', 'two times nothing'],
  ['192.0.2.1,', 'nothing at the end'],
  ['192.0.2.1, 192.0.2.2', 'a space'],
  ['!192.0.2.1', 'a negation'],
  ['192.0.2.*', 'a pattern'],
  ['example.com', 'a name'],
  ['192.0.2.1/33', 'a prefix that is too long'],
  ['192.0.2.1/-1', 'a prefix below nought'],
  ['192.0.2.1/', 'a prefix of nothing'],
  ['192.0.2.1/24/24', 'two prefixes'],
  ['fe80::1%eth0', 'a zone'],
  ['2001:db8::/129', 'a prefix that is too long for IPv6'],
  ['2001:db8::1::2', 'two gaps'],
  ['[2001:db8::1]', 'brackets'],
  ['1.2.3', 'three bytes'],
  ['0x7f000001', 'a number'],
])('%j is no list: %s', (text) => {
  expect(readAddressList(text)).toBeUndefined();
});

test('very many addresses are no list', () => {
  const list = (count: number): string => Array<string>(count).fill('192.0.2.1').join(',');
  expect(readAddressList(list(1_024))?.includes('192.0.2.1')).toBe(true);
  expect(readAddressList(list(1_025))).toBeUndefined();
});

test('an address is compared in whichever form it comes', () => {
  const list = readAddressList('192.0.2.0/24,2001:db8::/32');
  const written = [
    '192.0.2.7',
    '::ffff:192.0.2.7',
    '[2001:db8::7]:22',
    '2001:DB8:0:0::7',
    '2001:db9::1',
    'x',
    '',
  ];
  expect(written.map((address) => list?.includes(address))).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('a range of one family has no address of the other', () => {
  expect(readAddressList('::/0')?.includes('192.0.2.7')).toBe(false);
  expect(readAddressList('0.0.0.0/0')?.includes('2001:db8::1')).toBe(false);
});
