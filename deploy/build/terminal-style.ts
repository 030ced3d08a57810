// Styles of the terminal without style elements: a page whose policy lets no inline style in cannot have xterm's own.
import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';
import { BuildError } from './build-error.ts';

/** The element that takes their place: services/clients/browser/page/terminal/adopted-style.ts. */
const ELEMENT = 'adopted-style';

interface Change {
  readonly what: string;
  readonly from: RegExp;
  readonly to: string;
  readonly times: number;
}

/**
 * In xterm 6.0: three style elements with text, and a `style` attribute that is set as text. Both are what a
 * Content-Security-Policy calls inline; the same by CSSOM is not.
 */
const CHANGES: readonly Change[] = [
  {
    what: 'style elements',
    from: /(_styleElement|StyleElement)=([\w$.]+)\.createElement\("style"\)/g,
    to: `$1=$2.createElement("${ELEMENT}")`,
    times: 3,
  },
  {
    what: 'style attributes',
    from: /([\w$]+)\.setAttribute\("style",`\$\{\1\.getAttribute\("style"\)\|\|""\}\$\{([\w$]+)\};`\)/g,
    to: '$1.style.cssText+=`$${$2};`',
    times: 1,
  },
];

/** @throws BuildError `bundle_broken` when another version of xterm has another number of them */
export const styleWithoutElements: Plugin = {
  name: 'style-without-elements',
  setup(build) {
    build.onLoad({ filter: /@xterm\/xterm\/lib\/xterm\.mjs$/ }, async ({ path }) => ({
      contents: withoutElements(await readFile(path, 'utf8')),
      loader: 'js',
    }));
  },
};

function withoutElements(source: string): string {
  return CHANGES.reduce((text, { what, from, to, times }) => {
    const found = [...text.matchAll(from)].length;
    if (found !== times)
      throw new BuildError('bundle_broken', `xterm has ${found} ${what} where ${times} were known`);
    return text.replaceAll(from, to);
  }, source);
}
