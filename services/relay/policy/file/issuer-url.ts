// URLs of issuers, and the audience: where a mistake in one character means that nobody gets in.
import { isPrivateUrl } from '#shared/protocol/loopback.ts';

/** The rest of a sentence that the URL begins; undefined if an issuer may have it (OpenID Connect Discovery section 3). */
export function issuerUrlFault(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null) return 'is no URL: write it as the claim iss has it, https://…';
  if (!isPrivateUrl(url)) return 'must begin with https://';
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
    return 'must have no query, no fragment and no user';
  return undefined;
}

/** The same of an audience: the origin under which agents and clients reach the relay. */
export function audienceFault(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return 'is no https://HOST[:PORT]';
  if (url.origin !== text) return `must be an origin, with nothing behind: ${url.origin}`;
  return isPrivateUrl(url)
    ? undefined
    : 'must begin with https://: nobody shows a proof over a plain connection';
}
