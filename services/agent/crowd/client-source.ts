// The source of a client: what counts as one address when shares are handed out.
import { isIP } from 'node:net';

/** Words that are no address share one fate by their beginning, in characters: they come from an old or odd relay. */
const MAX_WORD_LENGTH = 64;

/** A network of IPv6 that one subscriber has as one has a single address of IPv4 (RFC 6177): 64 bits, four groups. */
const SUBSCRIBER_GROUPS = 4;

const IPV4_IN_IPV6 = /^(?:0:){5}ffff:([0-9a-f]+):([0-9a-f]+)$/;

/**
 * An address of IPv4, also one that is written in IPv6; else the /64 of an address of IPv6. The address is a relay's word
 * for it: an honest relay gives facts, and another one could turn everybody away without lying.
 */
export function sourceOf(address: string): string {
  const [bare = ''] = address.split('%');
  switch (isIP(bare)) {
    case 4:
      return bare;
    case 6: {
      const groups = groupsOf(bare);
      const [, high, low] = IPV4_IN_IPV6.exec(groups.join(':')) ?? [];
      if (high !== undefined && low !== undefined) return dotted(high, low);
      return `${groups.slice(0, SUBSCRIBER_GROUPS).join(':')}::/64`;
    }
    default:
      return address.slice(0, MAX_WORD_LENGTH);
  }
}

/** The eight groups of an address of IPv6, in lower case without leading zeros. */
function groupsOf(address: string): string[] {
  const { hostname } = new URL(`http://[${address}]`);
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const first = head === '' ? [] : head.split(':');
  if (tail === undefined) return first;
  const last = tail === '' ? [] : tail.split(':');
  return [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last];
}

function dotted(high: string, low: string): string {
  return [high, low]
    .flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 255];
    })
    .join('.');
}
