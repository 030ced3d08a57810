// TRUST_PROXY: whose `X-Forwarded-*` headers are believed.
import { isAddressRange } from '../../limits/client-address.ts';

/** In the form that fastify takes: a number of hops becomes a function of the hop. */
export type TrustProxy = boolean | string[] | ((address: string, hop: number) => boolean);

/** Names of address ranges that fastify knows. */
const RANGE_NAMES = new Set(['loopback', 'linklocal', 'uniquelocal']);

/** Undefined if `text` is not `true`, `false`, a number of hops, or a list of addresses, ranges and their names. */
export function parseTrustProxy(text: string): TrustProxy | undefined {
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (/^\d{1,2}$/.test(text)) return (_address, hop) => hop < Number(text);
  const addresses = text.split(',').map((address) => address.trim());
  const known = addresses.every((address) => isAddressRange(address) || RANGE_NAMES.has(address));
  return known ? addresses : undefined;
}
