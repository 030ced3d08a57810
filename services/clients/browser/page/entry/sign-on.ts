// Single sign-on at the relay: a page of its own, which leads back to this one.
import { SIGN_ON_PATHS } from '#shared/protocol/sign-on.ts';
import type { Destination } from './destination.ts';

/** Where it begins. What is behind `#` stays here. */
export function signOnAddress({ terminalUrl }: Destination): string {
  const { origin, pathname } = new URL(terminalUrl);
  const prefix = pathname.replace(/\/terminal\/[^/]*$/, '');
  return `${origin}${prefix}${SIGN_ON_PATHS.browser}?return=${encodeURIComponent(pathname)}`;
}
