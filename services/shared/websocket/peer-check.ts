// The peer check: when the certificate of a peer has to be good, whatever this machine was told.
import { isUnknownAuthority } from '#shared/machine/certificates.ts';
import { ACCESS_HEADER } from '#shared/protocol/access.ts';
import { IDENTITY_HEADER, PASS_HEADER } from '#shared/protocol/identity.ts';

/** With a proof or a pass, anybody on the way could take it and show it elsewhere; with a question of who may enter, answer it. */
const CONFIDING_HEADERS = [IDENTITY_HEADER, PASS_HEADER, ACCESS_HEADER] as const;

/** Beside an authority that nobody knows. */
const BAD_CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** For the TLS of a dial with these headers: NODE_TLS_REJECT_UNAUTHORIZED=0 does not count where one of them is confided to the peer. */
export function peerCheckFor(headers: Readonly<Record<string, string>> = {}): { rejectUnauthorized?: true } {
  return CONFIDING_HEADERS.some((name) => Object.hasOwn(headers, name)) ? { rejectUnauthorized: true } : {};
}

/** True if a dial that failed by this code may lead somewhere without these headers: there the machine's word counts. */
export function isBadCertificate(code: string): boolean {
  return BAD_CERTIFICATE_CODES.has(code) || isUnknownAuthority(code);
}
