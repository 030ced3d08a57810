// Single sign-on at the relay: a page of its own, which leads back to this one.
import { SIGN_ON_PATHS } from '#shared/protocol/sign-on.ts';
import type { Destination } from './destination.ts';

/**
 * Where it begins, for a page of `pageOrigin`; undefined where that is not the relay's own: a relay takes a sign-on from its own
 * page alone, and whoever got their page elsewhere did so not to depend on that one. What is behind `#` stays here.
 */
export function signOnAddress({ terminalUrl }: Destination, pageOrigin: string): string | undefined {
  const { origin, pathname } = new URL(terminalUrl);
  if (origin !== pageOrigin) return undefined;
  const prefix = pathname.replace(/\/terminal\/[^/]*$/, '');
  return `${origin}${prefix}${SIGN_ON_PATHS.browser}?return=${encodeURIComponent(pathname)}`;
}
