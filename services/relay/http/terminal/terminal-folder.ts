// The terminal page as the build left it: the page, and its parts by their names.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContentCoding } from '../download/content-coding.ts';

/** Named by content, so that no name from a request becomes another path. */
const ASSET_NAME = /^terminal-[0-9a-f]{16}\.(js|css)$/;

const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
};

/** A script or a style. */
export interface TerminalAsset {
  readonly type: string;
  readonly coding: ContentCoding;
  readonly content: Buffer;
}

const PAGE_NAME = 'index.html';

/** True if it was built. */
export function hasPage(directory: string): boolean {
  return existsSync(join(directory, PAGE_NAME));
}

/** `index.html`; undefined if nothing was built there. Read anew for each request, so that a rebuild shows at once. */
export async function readPage(directory: string): Promise<Buffer | undefined> {
  return await readIfThere(join(directory, PAGE_NAME));
}

/** The best form of it among `codings`; undefined if there is none of that name. */
export async function readAsset(
  directory: string,
  name: string,
  codings: readonly ContentCoding[],
): Promise<TerminalAsset | undefined> {
  const [, kind = ''] = ASSET_NAME.exec(name) ?? [];
  const type = TYPES[kind];
  if (type === undefined) return undefined;
  const path = join(directory, 'assets', name);
  const zipped = codings.includes('gzip') ? await readIfThere(`${path}.gz`) : undefined;
  if (zipped !== undefined) return { type, coding: 'gzip', content: zipped };
  const content = await readIfThere(path);
  return content && { type, coding: 'identity', content };
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
