// Address lists: `192.0.2.0/24,2001:db8::7`, as the critical option source-address and sshd's `from=` have them.
import { BlockList, isIP } from 'node:net';
import { readAddress } from '#shared/protocol/address.ts';

/** The longest IPv6 address and a prefix, in characters. */
const MAX_ENTRY_CHARACTERS = 50;

/** More entries than this are nobody's list. */
const MAX_ADDRESS_LIST_ENTRIES = 1_024;

/** No names and no zones: what a resolver or an interface says is not the authority's word. */
const ENTRY = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/;

export interface AddressList {
  /** False for what is no address. */
  includes(address: string): boolean;
}

/**
 * Reads addresses and ranges with commas between them. As sshd, it takes an entry for a fault where a range names a machine
 * in its network (`192.0.2.7/24`), and takes nothing of a list with a fault. Undefined then. Never throws.
 */
export function readAddressList(text: string): AddressList | undefined {
  const entries = text.split(',', MAX_ADDRESS_LIST_ENTRIES + 1);
  if (entries.length > MAX_ADDRESS_LIST_ENTRIES) return undefined;
  // One for each family: in a common one ::/0 would have all addresses of IPv4.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const entry of entries) {
    const range = rangeFrom(entry);
    if (range === undefined) return undefined;
    lists[range.family].addSubnet(range.network, range.prefix, range.family);
  }
  return {
    includes: (written) => {
      const address = readAddress(written);
      if (address === undefined) return false;
      const family = familyOf(address);
      return lists[family].check(address, family);
    },
  };
}

interface Range {
  readonly network: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

function rangeFrom(entry: string): Range | undefined {
  const [, network = '', prefixText] = ENTRY.exec(entry) ?? [];
  if (entry.length > MAX_ENTRY_CHARACTERS || isIP(network) === 0) return undefined;
  const family = familyOf(network);
  const bits = family === 'ipv4' ? 32 : 128;
  const prefix = prefixText === undefined ? bits : Number(prefixText);
  if (prefix > bits || !isNetwork(network, prefix, bits)) return undefined;
  return { network, prefix, family };
}

/** True if nothing is set behind the prefix. */
function isNetwork(address: string, prefix: number, bits: number): boolean {
  return (numberOf(address) & ((1n << BigInt(bits - prefix)) - 1n)) === 0n;
}

function numberOf(address: string): bigint {
  if (isIP(address) === 4) return numberFrom(address.split('.').map(Number), 8n);
  // A URL writes an IPv4 tail in hexadecimal.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groupsOf = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const first = groupsOf(head);
  const last = groupsOf(tail ?? '');
  const zeros = Array<number>(8 - first.length - last.length).fill(0);
  return numberFrom([...first, ...zeros, ...last], 16n);
}

function numberFrom(digits: readonly number[], bitsEach: bigint): bigint {
  return digits.reduce((sum, digit) => (sum << bitsEach) | BigInt(digit), 0n);
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}
