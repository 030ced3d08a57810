// Issuer URLs: where an issuer says where its keys are.
import { isPrivateUrl } from '#shared/protocol/loopback.ts';

/** Where an issuer says where its keys are (OpenID Connect Discovery 1.0 section 4); undefined if it cannot be asked. */
export function discoveryUrlOf(issuer: string): URL | undefined {
  const url = URL.parse(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  return url === null || !isPrivateUrl(url) ? undefined : url;
}
