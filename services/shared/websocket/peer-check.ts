// The peer check: when the certificate of a peer has to be good, whatever this machine was told.
import { ACCESS_HEADER } from '#shared/protocol/access.ts';
import { IDENTITY_HEADER } from '#shared/protocol/identity.ts';

/** With a proof, anybody on the way could take it and show it elsewhere; with a question of who may enter, answer it. */
const CONFIDING_HEADERS = [IDENTITY_HEADER, ACCESS_HEADER] as const;

/** For the TLS of a dial with these headers: NODE_TLS_REJECT_UNAUTHORIZED=0 does not count where one of them is confided to the peer. */
export function peerCheckFor(headers: Readonly<Record<string, string>> = {}): { rejectUnauthorized?: true } {
  return CONFIDING_HEADERS.some((name) => Object.hasOwn(headers, name)) ? { rejectUnauthorized: true } : {};
}
