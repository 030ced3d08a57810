// Client addresses: which of them count as one, which count at all, and lists of ranges.
import { BlockList, isIP } from 'node:net';

/** The part of an IPv6 address that a network gives to one customer, in 16-bit groups: a /64 (RFC 6177, RFC 7421). */
const IPV6_GROUPS = 4;

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
    const plain = unmapped(address);
    const family = isIP(plain);
    return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
  };
}

/** By what the limits count: an IPv4 address, or the /64 of an IPv6 one. Undefined for what is no address. */
export function groupOf(address: string): string | undefined {
  const plain = unmapped(address);
  const family = isIP(plain);
  if (family === 0) return undefined;
  return family === 4 ? plain : `${networkOf(plain)}::/64`;
}

export interface AddressRules {
  /** Never limited. */
  readonly isUnlimited: InRanges;
  /** Whether a private address that connects by itself is limited like any other. */
  readonly limitsPrivate: boolean;
}

/** Who asks: the address as it is used for the log, and whether a trusted proxy told it. */
export interface Asker {
  readonly address: string;
  readonly isToldByProxy: boolean;
}

/**
 * The group under which `asker` is counted; undefined where no limit per address applies.
 *
 * A private address that connects by itself does not count unless told otherwise: it may be an ingress, a balancer or a node that
 * nobody named in TRUST_PROXY, behind which everybody is, and what is meant for one would be a limit for all. Such a pod still
 * has the limits of the whole pod. A public address, and whatever a trusted proxy says, is a client's.
 */
export function countedAs({ address, isToldByProxy }: Asker, rules: AddressRules): string | undefined {
  if (rules.isUnlimited(address)) return undefined;
  if (!isToldByProxy && !rules.limitsPrivate && isPrivate(address)) return undefined;
  return groupOf(address);
}

/** An IPv4 address in IPv6 clothes (::ffff:0:0/96), however it is written, as IPv4; without a zone. */
function unmapped(address: string): string {
  const bare = address.split('%', 1)[0] ?? '';
  if (isIP(bare) !== 6) return bare;
  const dotted = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (dotted !== undefined) return dotted;
  const groups = groupsOf(bare);
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  if (!isMapped) return bare;
  const [high = 0, low = 0] = groups.slice(6);
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

function networkOf(address: string): string {
  return groupsOf(address)
    .slice(0, IPV6_GROUPS)
    .map((group) => group.toString(16))
    .join(':');
}

/** The eight groups of an IPv6 address without a zone. */
function groupsOf(address: string): number[] {
  // The last 32 bits may be dotted (RFC 4291 section 2.2).
  const plain = address.replace(
    /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
    (_, a: string, b: string, c: string, d: string) => {
      const high = Number(a) * 256 + Number(b);
      const low = Number(c) * 256 + Number(d);
      return `${high.toString(16)}:${low.toString(16)}`;
    },
  );
  const [before = '', after] = plain.split('::');
  const left = parts(before);
  const right = parts(after ?? '');
  const zeros = after === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array<number>(zeros).fill(0), ...right];
}

function parts(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
