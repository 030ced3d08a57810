// Addresses of peers: the one form in which they are compared, logged and passed on to others.
import { isIP, isIPv4 } from 'node:net';

/** The longest text of an IP address, in characters: an IPv6 one that ends in an IPv4 one (INET6_ADDRSTRLEN, less its NUL). */
export const MAX_ADDRESS_LENGTH = 45;

/** With brackets, quotes, a port and a zone, as proxies write it, in characters. What is longer is not looked at. */
const MAX_WRITTEN_LENGTH = 128;

/** Stands for a peer that nobody can name any more (RFC 1122 section 3.2.1.3: "this host", never a source on the wire). */
export const NO_ADDRESS = '0.0.0.0';

/**
 * The address in what a proxy or a socket says: `192.0.2.7`, `192.0.2.7:5678`, `[2001:db8::1]:5678`, `::ffff:192.0.2.7`,
 * `fe80::1%eth0`, also in quotes (RFC 7239 section 6). In its shortest form (RFC 5952), an IPv4 address in the form of
 * IPv4, without port and zone, so that one peer has one name. Undefined if there is none. Never throws.
 */
export function readAddress(written: string | undefined): string | undefined {
  if (written === undefined || written.length > MAX_WRITTEN_LENGTH) return undefined;
  if (isIPv4(written)) return written;
  const text = written.trim().replace(/^"(.*)"$/, '$1');
  const [, bracketed] = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text) ?? [];
  const [, beforePort] = /^(\d[\d.]*):\d{1,5}$/.exec(text) ?? [];
  const [address = ''] = (bracketed ?? beforePort ?? text).split('%', 1);
  switch (isIP(address)) {
    case 4:
      return bracketed === undefined ? address : undefined;
    case 6:
      return shortest(address);
    default:
      return undefined;
  }
}

/** True for what `readAddress` gives. */
export function isAddress(text: string): boolean {
  return text.length <= MAX_ADDRESS_LENGTH && readAddress(text) === text;
}

/** A URL's host is written in the shortest form, in hexadecimal also where the end is an IPv4 address. */
function shortest(address: string): string {
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text) ?? [];
  if (high === undefined || low === undefined) return text;
  const bytes = [high, low].flatMap((half) => {
    const value = Number.parseInt(half, 16);
    return [value >> 8, value & 0xff];
  });
  return bytes.join('.');
}

/** The part of an IPv6 address that a network gives to one customer, in 16-bit groups: a /64 (RFC 6177, RFC 7421). */
const CUSTOMER_GROUPS = 4;

/**
 * What counts as one peer when shares are handed out: an IPv4 address, or the /64 of an IPv6 one. Undefined for what is no
 * address.
 */
export function addressSourceOf(written: string): string | undefined {
  const address = readAddress(written);
  if (address === undefined || isIPv4(address)) return address;
  const [head = '', tail] = address.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array<string>(tail === undefined ? 0 : 8 - first.length - last.length).fill('0');
  return `${[...first, ...zeros, ...last].slice(0, CUSTOMER_GROUPS).join(':')}::/64`;
}

/** A word that is no address comes from an old or odd relay; so many of its characters tell it from others. */
const MAX_WORD_LENGTH = 64;

/**
 * What counts as one client of an agent, which has only the relay's word for the address. That is trusted: one that lies could as well turn everybody away.
 */
export function clientSourceOf(address: string): string {
  return addressSourceOf(address) ?? address.slice(0, MAX_WORD_LENGTH);
}
