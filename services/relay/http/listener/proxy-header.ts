// The header of the PROXY protocol, versions 1 and 2, which says who is behind a balancer.
// Section numbers are those of haproxy.org/download/2.9/doc/proxy-protocol.txt.
import { isIPv4, isIPv6 } from 'node:net';
import { readAddress } from '#shared/protocol/address.ts';

/** The longest header of version 1, with its line end, in bytes (section 2.1). */
export const MAX_V1_BYTES = 107;

/** The longest header of version 2 that is taken, in bytes: addresses need 52, the rest is what balancers add (TLVs). */
export const MAX_V2_BYTES = 2_048;

export type ProxyHeader =
  /** More has to come. */
  | { readonly kind: 'incomplete' }
  /**
   * `length` bytes are the header's; without a `source` the balancer speaks for itself (LOCAL) or does not know
   * (UNKNOWN).
   */
  | { readonly kind: 'complete'; readonly length: number; readonly source: string | undefined }
  | { readonly kind: 'malformed' };

/** Reads the beginning of a connection. Never throws, and never asks for more than the longest header. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, V2_SIGNATURE)) return readV2(bytes);
  return startsLike(bytes, V1_WORD) ? readV1(bytes) : MALFORMED;
}

/** `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443` and CR LF, one space each. */
function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, MAX_V1_BYTES).indexOf('\r\n');
  if (end === -1) return bytes.length < MAX_V1_BYTES ? INCOMPLETE : MALFORMED;
  const length = end + 2;
  const [, family, ...fields] = bytes.toString('latin1', 0, end).split(' ');
  // Whatever follows is to be ignored.
  if (family === 'UNKNOWN') return { kind: 'complete', length, source: undefined };
  const [source = '', destination = '', ...ports] = fields;
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : () => false;
  const isWhole = isAddress(source) && isAddress(destination) && ports.length === 2 && ports.every(isPort);
  return isWhole ? withSource(length, source) : MALFORMED;
}

function readV2(bytes: Buffer): ProxyHeader {
  if (bytes.length < V2_FIXED_BYTES) return INCOMPLETE;
  const [version, command] = nibbles(bytes[12]);
  const [family, transport] = nibbles(bytes[13]);
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  if (version !== 2 || command > PROXY || family > UNIX || transport > DATAGRAM) return MALFORMED;
  if (length > MAX_V2_BYTES) return MALFORMED;
  if (bytes.length < length) return INCOMPLETE;
  if (command !== PROXY || transport !== STREAM) return { kind: 'complete', length, source: undefined };
  const addresses = bytes.subarray(V2_FIXED_BYTES, length);
  switch (family) {
    case INET:
      return addresses.length < 12 ? MALFORMED : withSource(length, addresses.subarray(0, 4).join('.'));
    case INET6:
      return addresses.length < 36 ? MALFORMED : withSource(length, groupsOf(addresses.subarray(0, 16)));
    default:
      return { kind: 'complete', length, source: undefined };
  }
}

function withSource(length: number, written: string): ProxyHeader {
  const source = readAddress(written);
  return source === undefined ? MALFORMED : { kind: 'complete', length, source };
}

/** True also for less than all of `beginning`. */
function startsLike(bytes: Buffer, beginning: Buffer): boolean {
  const size = Math.min(bytes.length, beginning.length);
  return bytes.subarray(0, size).equals(beginning.subarray(0, size));
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function nibbles(byte = 0): [high: number, low: number] {
  return [byte >> 4, byte & 0x0f];
}

function groupsOf(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(2 * group).toString(16)).join(':');
}

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };
const MALFORMED: ProxyHeader = { kind: 'malformed' };
const V1_WORD = Buffer.from('PROXY ');
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Signature, version and command, family and transport, length. */
const V2_FIXED_BYTES = 16;
/** Of the commands, families and transports of version 2 (section 2.2), those that matter here and the last of each. */
const PROXY = 1;
const INET = 1;
const INET6 = 2;
const UNIX = 3;
const STREAM = 1;
const DATAGRAM = 2;
