// The own base: how browsers know this relay, so where the provider sends them back to and which paths are its own.
import { SIGN_ON_PATHS } from '#shared/protocol/sign-on.ts';

/** Longer than this is no path to return to, in characters. */
const MAX_RETURN_CHARACTERS = 512;

export interface OwnBase {
  /** `https://relay.example.com`, with a path if it has one, without a slash at the end. */
  readonly url: string;
  /** The path in it; empty at most relays. */
  readonly prefix: string;
  readonly isSecure: boolean;
}

/** By PUBLIC_URL, else by the audience of the policy: never by what a request says, since the provider has it registered. */
export function ownBase(publicUrl: URL | undefined, audience: string): OwnBase {
  const { origin, pathname, protocol } = publicUrl ?? new URL(audience);
  const prefix = pathname.replace(/\/+$/, '');
  return { url: `${origin}${prefix}`, prefix, isSecure: protocol === 'https:' };
}

/**
 * The path that `text` leads to on this relay; undefined if it leads anywhere else, or back to signing on. Browsers read a
 * backslash as a slash, drop tabs, and take `//host` for another host: so what counts is what a URL parser makes of it.
 */
export function ownPath(text: unknown, { prefix }: OwnBase): string | undefined {
  if (typeof text !== 'string' || text.length > MAX_RETURN_CHARACTERS) return undefined;
  if (!/^\/[!-~]*$/.test(text) || text.includes('\\')) return undefined;
  const url = URL.parse(text, 'http://own.invalid');
  if (url === null || url.origin !== 'http://own.invalid') return undefined;
  const { pathname, search, hash } = url;
  const isOurs = pathname.startsWith(`${prefix}/`) && !pathname.startsWith('//');
  const signOn = `${prefix}${SIGN_ON_PATHS.browser}`;
  if (!isOurs || pathname === signOn || pathname.startsWith(`${signOn}/`)) return undefined;
  return `${pathname}${search}${hash}`;
}
