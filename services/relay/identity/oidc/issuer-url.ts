// Issuer URLs: which issuers a relay asks for their keys.

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost)$/;

/** True for a URL that keys may come from: https, or http to this machine. */
export function isSafeToAsk({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname));
}

/** Where an issuer says where its keys are (OpenID Connect Discovery 1.0 section 4); undefined if it cannot be asked. */
export function discoveryUrlOf(issuer: string): URL | undefined {
  const url = URL.parse(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  return url === null || !isSafeToAsk(url) ? undefined : url;
}
