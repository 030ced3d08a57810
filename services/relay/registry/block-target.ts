// What can be blocked: an address, a range of addresses (CIDR, RFC 4632 and RFC 4291 section 2.3), or a rule of the policy.
import { isIP } from 'node:net';
import { readAddress } from '#shared/protocol/address.ts';

/** An address is a range of its whole length. */
export interface AddressRange {
  readonly family: 4 | 6;
  /** How many bits of `network` count. */
  readonly prefix: number;
  /** All bits behind the prefix are 0. */
  readonly network: bigint;
}

export type BlockTarget =
  | { readonly kind: 'range'; readonly range: AddressRange }
  | { readonly kind: 'rule'; readonly rule: string };

export type ReadTarget =
  /** `text` is the one form of it: two texts that mean the same give the same. */
  | { readonly kind: 'target'; readonly target: BlockTarget; readonly text: string }
  /** `fault` names the way out. */
  | { readonly kind: 'invalid'; readonly fault: string };

/** A wider range names half the internet, and is a slip: in bits. */
export const MIN_BLOCK_PREFIX = { 4: 8, 6: 16 } as const;

/** The longest text of a target, in characters: `rule:` and the longest name of a rule; a range is shorter. */
export const MAX_TARGET_LENGTH = 69;

const BITS = { 4: 32, 6: 128 } as const;
const RULE_PATTERN = /^rule:([a-z0-9][a-z0-9-]{0,63})$/;
const FORMS = 'write an address (203.0.113.7), a range (203.0.113.0/24, 2001:db8::/64) or rule:NAME';

/** Reads what a person wrote. Never throws. */
export function readTarget(written: string): ReadTarget {
  const text = written.trim();
  const [, rule] = RULE_PATTERN.exec(text) ?? [];
  if (rule !== undefined) return { kind: 'target', target: { kind: 'rule', rule }, text };
  if (text.startsWith('rule:'))
    return { kind: 'invalid', fault: 'a rule has a name of lower-case letters, digits and dashes, up to 64' };
  const range = readRange(text);
  if (range === undefined) return { kind: 'invalid', fault: `this is nothing that can be blocked: ${FORMS}` };
  const least = MIN_BLOCK_PREFIX[range.family];
  if (range.prefix < least) {
    const fault = `/${range.prefix} is too wide: the widest range of IPv${range.family} is /${least}`;
    return { kind: 'invalid', fault };
  }
  return { kind: 'target', target: { kind: 'range', range }, text: rangeText(range) };
}

/** `ADDRESS` or `ADDRESS/PREFIX`; the bits behind the prefix are dropped. Undefined for anything else. */
export function readRange(text: string): AddressRange | undefined {
  const [written = '', prefixText, ...rest] = text.split('/');
  if (rest.length > 0 || written.includes('%')) return undefined;
  const exact = rangeOf(written);
  if (exact === undefined || prefixText === undefined) return exact;
  if (!/^\d{1,3}$/.test(prefixText)) return undefined;
  // An IPv4 address in the form of IPv6 (`::ffff:203.0.113.0/120`) is one of IPv4: 96 bits of its prefix are the form.
  const prefix = Number(prefixText) - (isIP(written) === 6 && exact.family === 4 ? BITS[6] - BITS[4] : 0);
  return prefix >= 0 && prefix <= BITS[exact.family] ? widened(exact, prefix) : undefined;
}

/** The range of one address alone; undefined if it is none. */
export function rangeOf(written: string): AddressRange | undefined {
  const address = readAddress(written);
  if (address === undefined) return undefined;
  const family = isIP(address) === 4 ? 4 : 6;
  const groups = family === 4 ? address.split('.').map(Number) : groupsOf(address);
  const width = family === 4 ? 8n : 16n;
  const network = groups.reduce((bits, group) => (bits << width) | BigInt(group), 0n);
  return { family, prefix: BITS[family], network };
}

/** The range of `prefix` bits around it. */
export function widened({ family, network }: AddressRange, prefix: number): AddressRange {
  const behind = BigInt(BITS[family] - prefix);
  return { family, prefix, network: (network >> behind) << behind };
}

/** As people write it; a single address without a prefix. */
export function rangeText({ family, prefix, network }: AddressRange): string {
  const address = family === 4 ? textOf4(network) : (readAddress(textOf6(network)) ?? '');
  return prefix === BITS[family] ? address : `${address}/${prefix}`;
}

/** The eight groups of an IPv6 address in its shortest form. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const numbers = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [numbers(head), numbers(tail ?? '')];
  const zeros = tail === undefined ? 0 : 8 - first.length - last.length;
  return [...first, ...Array<number>(zeros).fill(0), ...last];
}

function textOf4(network: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((network >> shift) & 0xffn)).join('.');
}

function textOf6(network: bigint): string {
  const shifts = Array.from({ length: 8 }, (_, index) => BigInt(16 * (7 - index)));
  return shifts.map((shift) => ((network >> shift) & 0xffffn).toString(16)).join(':');
}
