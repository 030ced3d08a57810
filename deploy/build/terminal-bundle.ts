// The terminal page: everything of it in a folder that a relay, or any web server, hands out as it is.
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build as runEsbuild } from 'esbuild';
import { BuildError } from './build-error.ts';
import { withdrawChecksums } from './checksums.ts';
import { DIST, PAGE_ENTRY, ROOT, SCREEN_ENTRY } from './source-tree.ts';
import { type Made, makeOnce } from './stamp.ts';
import { styleWithoutElements } from './terminal-style.ts';
import { type PagePart, type PageParts, pageText, singleFileText } from './terminal-text.ts';

const ENTRIES = {
  script: PAGE_ENTRY,
  screen: SCREEN_ENTRY,
  style: 'services/clients/browser/page/style.css',
} as const;

/** What a person waits for before the first prompt: all of it, compressed as it travels, in bytes. */
export const MAX_TERMINAL_PAGE_BYTES = 400_000;

/** The folder, and in it the page, its parts and the page as one file. */
const TERMINAL_FOLDER = 'terminal';
/** Where the first script looks for the second: services/clients/browser/page/terminal/screen.ts. */
const SCREEN_NAME = 'convergeScreen';
const PAGE_NAME = 'index.html';
const SINGLE_FILE_NAME = 'converge-terminal.html';

export interface TerminalPage {
  readonly folder: string;
  /** SHA-256 of both scripts, one behind the other, in hex, which the page shows as its own. */
  readonly digest: string;
  /** Of scripts, style and page together, in bytes. */
  readonly compressedBytes: number;
}

/** `dist/bin/converge-terminal.html`: the page in one file, to be got like a program, and listed and signed like one. */
export async function makeSingleFile({ folder }: TerminalPage): Promise<Made> {
  const text = await readFile(join(folder, SINGLE_FILE_NAME));
  return await makeOnce(join(DIST, 'bin', SINGLE_FILE_NAME), [text], async (temporary) => {
    await withdrawChecksums();
    await writeFile(temporary, text);
  });
}

/**
 * Writes the page into `folder`, the page itself last: who asks for it meanwhile finds what it names. It takes well under a
 * second, so it is done in every build.
 * @throws BuildError `bundle_broken` when it is larger than it may be
 */
export async function bundleTerminal(folder = join(DIST, TERMINAL_FOLDER)): Promise<TerminalPage> {
  const parts = await makeParts();
  const page = pageText(parts);
  const single = singleFileText(parts);
  const assetParts = [parts.script, parts.screen, parts.style];
  const compressed = assetParts.map(({ text }) => gzipSync(text, { level: 9 }));
  const compressedBytes = [...compressed, gzipSync(page)].reduce((sum, { length }) => sum + length, 0);
  if (compressedBytes > MAX_TERMINAL_PAGE_BYTES)
    throw new BuildError(
      'bundle_broken',
      `the terminal page has ${compressedBytes} bytes compressed, more than ${MAX_TERMINAL_PAGE_BYTES}`,
    );
  const assets = join(folder, 'assets');
  await mkdir(assets, { recursive: true });
  const names = new Set<string>();
  for (const [index, { name, text }] of assetParts.entries()) {
    await writeFile(join(assets, name), text);
    await writeFile(join(assets, `${name}.gz`), compressed[index] ?? '');
    names.add(name).add(`${name}.gz`);
  }
  await writeFile(join(folder, SINGLE_FILE_NAME), single);
  await writeFile(join(folder, PAGE_NAME), page);
  const listed = [
    [PAGE_NAME, page],
    [SINGLE_FILE_NAME, single],
    ...assetParts.map(({ name, text }) => [`assets/${name}`, text] as const),
  ] as const;
  await writeFile(
    join(folder, 'SHA256SUMS'),
    listed.map(([name, text]) => `${sha256(text, 'hex')}  ${name}\n`).join(''),
  );
  for (const old of await readdir(assets)) if (!names.has(old)) await rm(join(assets, old));
  return { folder, digest: parts.digest, compressedBytes };
}

/** Scripts and style, each with its name by content and what a browser checks it by. */
async function makeParts(): Promise<PageParts> {
  const [script, screen, style] = await Promise.all([
    bundle(ENTRIES.script, 'js'),
    bundle(ENTRIES.screen, 'js', SCREEN_NAME),
    bundle(ENTRIES.style, 'css'),
  ]);
  return { script, screen, style, digest: sha256(script.text + screen.text, 'hex') };
}

/** What it exports is global under `name`. */
async function bundle(entry: string, kind: 'js' | 'css', name?: string): Promise<PagePart> {
  const { outputFiles } = await runEsbuild({
    entryPoints: [join(ROOT, entry)],
    outfile: `terminal.${kind}`,
    write: false,
    absWorkingDir: ROOT,
    bundle: true,
    minify: true,
    platform: 'browser',
    target: 'es2022',
    format: 'iife',
    ...(name === undefined ? {} : { globalName: name }),
    charset: 'utf8',
    legalComments: 'none',
    plugins: [styleWithoutElements],
    logLevel: 'warning',
  });
  const text = outputFiles[0]?.text ?? '';
  return {
    name: `terminal-${sha256(text, 'hex').slice(0, 16)}.${kind}`,
    text,
    integrity: `sha384-${createHash('sha384').update(text).digest('base64')}`,
    cspHash: `'sha256-${sha256(text, 'base64')}'`,
  };
}

function sha256(text: string, encoding: 'hex' | 'base64'): string {
  return createHash('sha256').update(text).digest(encoding);
}
