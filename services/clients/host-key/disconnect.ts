// The DISCONNECT that a client gets before the host key is checked: the host's reason, in our words.
import { WireReader, wireString, wireUint32 } from '#shared/ssh/strings.ts';
import { DISCONNECT } from './key-exchange.ts';
import { packetOf } from './units.ts';

/** RFC 4253 section 11.1. */
const REASONS: Readonly<Record<number, string>> = {
  1: 'the host is not allowed to connect',
  2: 'a protocol error',
  3: 'the key exchange failed',
  4: 'reserved',
  5: 'a MAC error',
  6: 'a compression error',
  7: 'the service is not available',
  8: 'the protocol version is not supported',
  9: 'the host key cannot be verified',
  10: 'the connection was lost',
  11: 'by application',
  12: 'too many connections',
  13: 'cancelled by the user',
  14: 'no more authentication methods are available',
  15: 'an illegal user name',
};
const BY_APPLICATION = 11;

/**
 * A packet that ends the connection for the same reason as `payload`, a DISCONNECT. The text in there may be a stranger's,
 * and SSH clients print it: the packet has a text of ours instead, and no reason that RFC 4253 does not list.
 */
export function ownDisconnect(payload: Buffer): Buffer {
  const given = new WireReader(payload.subarray(1)).uint32() ?? BY_APPLICATION;
  const reason = Object.hasOwn(REASONS, given) ? given : BY_APPLICATION;
  const text = wireString(`ended before the host key was checked: ${REASONS[reason]}`);
  const noLanguage = wireString('');
  return packetOf(Buffer.concat([Buffer.of(DISCONNECT), wireUint32(reason), text, noLanguage]));
}
