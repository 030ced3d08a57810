// The peer check: when the certificate of a peer has to be good, whatever this machine was told.
import { IDENTITY_HEADER } from '#shared/protocol/identity.ts';

/**
 * For the TLS of a dial with these headers: NODE_TLS_REJECT_UNAUTHORIZED=0 does not count where a proof is shown, which anybody
 * on the way could take and show elsewhere.
 */
export function peerCheckFor(headers: Readonly<Record<string, string>> = {}): { rejectUnauthorized?: true } {
  return Object.hasOwn(headers, IDENTITY_HEADER) ? { rejectUnauthorized: true } : {};
}
