// The address of a client, as a relay tells it: a fact or nothing.
import { isPlainAddress } from './printable.ts';

/** What stands in the place of an address that is none; OpenSSH's servers say the same. */
export const UNKNOWN_ADDRESS = 'UNKNOWN';

/** `text` if it is an IPv4 or IPv6 address, without its zone (which may be any text, and is of another machine). */
export function clientAddressFrom(text: string): string {
  const address = text.replace(/%[^]*$/, '');
  return isPlainAddress(address) ? address : UNKNOWN_ADDRESS;
}
