// The address of the internal listener: loopback, unless other pods must reach it.
import { isIP } from 'node:net';

/** Not `localhost`: that may be `::1` alone, and `kubectl port-forward` and older tools ask for IPv4 first. */
const LOOPBACK = '127.0.0.1';

export interface InternalHostChoice {
  /** INTERNAL_HOST, which is always obeyed. */
  readonly given: string | undefined;
  /** HOST. */
  readonly host: string;
  /** POD_ADDRESS, `HOST:PORT`. */
  readonly podAddress: string | undefined;
}

/**
 * Loopback, unless POD_ADDRESS is an address at which other machines reach this pod. Several relays on one machine, each
 * with a POD_ADDRESS on loopback, stay on loopback.
 */
export function internalHostFor({ given, host, podAddress }: InternalHostChoice): string {
  if (given !== undefined) return given;
  if (podAddress === undefined) return LOOPBACK;
  const podHost = podAddress.slice(0, podAddress.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  if (isLoopback(podHost)) return podHost;
  return podHost === 'localhost' ? LOOPBACK : host;
}

/** How this machine itself reaches a listener at `host` and `port`, as `HOST:PORT`. */
export function ownAddress(host: string, port: number): string {
  if (!isLoopback(host)) return `${LOOPBACK}:${port}`;
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * True for the loopback addresses of IPv4 (RFC 1122 section 3.2.1.3), also as a dual-stack socket names them, and of
 * IPv6.
 */
export function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}
