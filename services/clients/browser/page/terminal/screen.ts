// The screen: waits for the second script of the page, which holds xterm; the first one opens the connection meanwhile.
import type * as library from './screen-library.ts';

/** What the second script leaves for the first. */
export type Screen = typeof library;

/** The name under which it does; the build gives it (deploy/build/terminal-bundle.ts). */
const NAME = 'convergeScreen';

/** Resolves once it is there; undefined if the browser has loaded all that it will and it is not. Never rejects. */
export async function screenOf(page: Document): Promise<Screen | undefined> {
  const there = (): Screen | undefined => (globalThis as { readonly [NAME]?: Screen })[NAME];
  while (there() === undefined && page.readyState !== 'complete') {
    const { promise, resolve } = Promise.withResolvers<Event>();
    const once = new AbortController();
    page.addEventListener('DOMContentLoaded', resolve, { signal: once.signal });
    page.addEventListener('readystatechange', resolve, { signal: once.signal });
    await promise;
    once.abort();
  }
  return there();
}
