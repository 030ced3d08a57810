// Client addresses: which of them count as one, which count at all, and lists of ranges.
import { BlockList, isIP } from 'node:net';
import { addressSourceOf, readAddress } from '#shared/protocol/address.ts';

/** What nobody on the internet has: RFC 1918, 6598 (carriers), 3927, 4193, 4291 and loopback. */
const PRIVATE_RANGES = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
] as const;

/** So many bits of an IPv6 address say that the rest is an IPv4 address (RFC 4291 section 2.5.5.2). */
const MAPPED_PREFIX = 96;

/** Whether an address is in one of some ranges. */
export type InRanges = (address: string) => boolean;

const isPrivate = inRanges(PRIVATE_RANGES);

/** True for `ADDRESS` and `ADDRESS/PREFIX`, a prefix of 0 included. */
export function isRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || address.includes('%')) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

/** Like `isRange`, without a prefix of 0: a range that is everybody names nobody. */
export function isAddressRange(text: string): boolean {
  return isRange(text) && readRange(text).prefix !== 0;
}

/**
 * `ranges` are as `isRange` wants them. A range of IPv6 has no IPv4 address in it, however wide it is, unless it is written as
 * one of IPv4 addresses, `::ffff:10.0.0.0/104`.
 */
export function inRanges(ranges: readonly string[]): InRanges {
  // Two lists: Node's own look-up takes an IPv4 address for one in `::/0`, since IPv6 can write it too.
  const lists = { 4: new BlockList(), 6: new BlockList() };
  for (const range of ranges) {
    const { address, prefix, family } = readRange(range);
    const type = family === 4 ? 'ipv4' : 'ipv6';
    if (prefix === undefined) lists[family].addAddress(address, type);
    else lists[family].addSubnet(address, prefix, type);
  }
  return (address) => {
    const plain = readAddress(address);
    if (plain === undefined) return false;
    return isIP(plain) === 4 ? lists[4].check(plain, 'ipv4') : lists[6].check(plain, 'ipv6');
  };
}

interface Range {
  readonly address: string;
  readonly prefix: number | undefined;
  readonly family: 4 | 6;
}

function readRange(range: string): Range {
  const [address = '', written] = range.split('/');
  const prefix = written === undefined ? undefined : Number(written);
  if (isIP(address) === 4) return { address, prefix, family: 4 };
  const plain = readAddress(address) ?? address;
  const isMapped = isIP(plain) === 4 && (prefix === undefined || prefix >= MAPPED_PREFIX);
  if (!isMapped) return { address, prefix, family: 6 };
  return { address: plain, prefix: prefix === undefined ? undefined : prefix - MAPPED_PREFIX, family: 4 };
}

export interface AddressRules {
  /** Never limited. */
  readonly isUnlimited: InRanges;
  /** Whether a private address is limited too when it is the other end of the connection, and no proxy reported it. */
  readonly limitsPrivate: boolean;
}

/** Who asks: the client address, and whether a trusted proxy reported it. */
export interface Asker {
  readonly address: string;
  readonly isToldByProxy: boolean;
}

/**
 * The group under which `asker` is counted; undefined where no limit per address applies.
 *
 * A private address at the other end of the connection is not limited, unless `limitsPrivate` says so: it may be an
 * ingress, a balancer or a node that TRUST_PROXY does not name, and then all clients would share the limit of one. The
 * limits of the whole pod still apply. A public address, and an address that a trusted proxy reports, is a client's.
 */
export function countedAs({ address, isToldByProxy }: Asker, rules: AddressRules): string | undefined {
  if (rules.isUnlimited(address)) return undefined;
  if (!isToldByProxy && !rules.limitsPrivate && isPrivate(address)) return undefined;
  return addressSourceOf(address);
}
