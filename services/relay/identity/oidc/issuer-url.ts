// Issuer URLs: which issuers a relay asks for their keys.

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost)$/;

/**
 * What is wrong with `text` as the URL of an issuer, to be read on after it; undefined if nothing is. OpenID Connect
 * Discovery 1.0 section 3: https, without query and fragment. Plain http is for an issuer on this machine alone.
 */
export function issuerUrlFault(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null) return 'is no URL';
  if (!isSafeToAsk(url)) return 'is not https';
  if (url.username !== '' || url.password !== '') return 'has a user or a password in it';
  return /[?#]/.test(text) ? 'has a query or a fragment' : undefined;
}

/** True for https, and for http to this machine. */
export function isSafeToAsk({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname));
}

/** Where an issuer says where its keys are (section 4 of the same). */
export function discoveryUrlOf(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
}
