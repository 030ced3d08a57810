// Cookies: read as a browser sends them, and written so that no script and no other site gets them (RFC 6265).
import type { FastifyRequest } from 'fastify';

/** Where a browser keeps a cookie, and for how long. */
export interface CookieTerms {
  /** It is sent with requests below this. */
  readonly path: string;
  /** Never over plain http. */
  readonly isSecure: boolean;
  /** 0 has it forgotten. */
  readonly maxAgeSeconds: number;
}

/** The value; undefined if there is none. Of several with one name the first counts, which has the longest path. */
export function cookieOf({ headers }: Pick<FastifyRequest, 'headers'>, name: string): string | undefined {
  for (const pair of (headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at !== -1 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

/** The header `set-cookie`. `value` is base64url. Lax: it comes along when the provider sends the browser back. */
export function cookieText(
  name: string,
  value: string,
  { path, isSecure, maxAgeSeconds }: CookieTerms,
): string {
  const secure = isSecure ? '; Secure' : '';
  return `${name}=${value}; Path=${path}; Max-Age=${maxAgeSeconds}; HttpOnly${secure}; SameSite=Lax`;
}
