// The code cache: what V8 makes of a program's functions by the time it is loaded, so that a start need not compile them.
//
// A cache that V8 makes as it reads a bundle lacks the functions in it, and what a program runs as it starts is mostly functions
// that run once, one inside of the other. This one is made after a rehearsal, in which the program has loaded all of its parts
// and done nothing that depends on the machine: two builds of the same sources have the same cache.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { START_FLAGS } from '#shared/machine/runtime-flags.ts';
import { BuildError } from './build-error.ts';
import { runCommand } from './command.ts';
import { NODE_BINARY } from './node-runtime.ts';

/**
 * V8 hashes strings with a random seed, and its code cache holds the hashes: with this one, two builds of the same sources
 * are the same file. Only a seed for the build: V8 takes the cache whatever seed a program has, and that stays random.
 */
const CODE_CACHE_FLAGS = ['--random-seed=1'];

/** With the flags of the program, or the code cache is not taken. */
export const REHEARSAL_FLAGS = [...START_FLAGS, ...CODE_CACHE_FLAGS];

export const REHEARSAL_PROGRAM = fileURLToPath(new URL('rehearsal-program.ts', import.meta.url));

/** What a program with a code cache is started from. */
export const CACHED_START = `
const { getRawAsset } = require('node:sea');
const { Script } = require('node:vm');
const source = Buffer.from(getRawAsset('script')).latin1Slice();
const cachedData = Buffer.from(getRawAsset('cache'));
// A cache that V8 does not take costs time and nothing else.
const script = new Script(source, { filename: __filename, cachedData });
script.runInThisContext()(exports, require, module, __filename, __dirname);
`;

/** A comment that stands alone on its line. */
const COMMENT_LINES = /^\s*\/\/.*$/gm;
const NOT_ASCII = /[^\0-\x7f]/g;

/**
 * A bundle as a script: one function, in ASCII, of which V8 needs half the memory. esbuild leaves other characters in comments alone.
 * @throws BuildError `bundle_broken` if there are others
 */
export function programScriptFrom(bundle: string): string {
  const text = bundle.replaceAll(COMMENT_LINES, (line) => line.replaceAll(NOT_ASCII, '-'));
  const other = text.match(NOT_ASCII);
  if (other !== null)
    throw new BuildError('bundle_broken', `a bundle has ${JSON.stringify(other[0])} outside of comments`);
  return `(function (exports, require, module, __filename, __dirname) {${text}\n})`;
}

/** The code cache of `script`, a file that `programScriptFrom` made: the same from the same, byte for byte. */
export async function makeCodeCache(script: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'converge-rehearsal-'));
  try {
    const cache = join(folder, 'cache');
    // Nothing of this machine's: which functions run may depend on it.
    await runCommand(NODE_BINARY, [...REHEARSAL_FLAGS, REHEARSAL_PROGRAM, script, cache], {});
    return await readFile(cache);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
