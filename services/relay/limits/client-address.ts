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
  return isRange(text) && !/\/0+$/.test(text);
}

/** `ranges` are as `isRange` wants them. */
export function inRanges(ranges: readonly string[]): InRanges {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const type = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    if (prefix === undefined) list.addAddress(address, type);
    else list.addSubnet(address, Number(prefix), type);
  }
  return (address) => {
    const plain = readAddress(address);
    return plain !== undefined && list.check(plain, isIP(plain) === 4 ? 'ipv4' : 'ipv6');
  };
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
