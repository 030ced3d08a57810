// SEA binaries: a program's bundle, injected into a copy of Node (a "single executable application").
import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { START_FLAGS } from '#shared/machine/runtime-flags.ts';
import {
  CACHED_START,
  makeCodeCache,
  programScriptFrom,
  REHEARSAL_FLAGS,
  REHEARSAL_PROGRAM,
} from './code-cache.ts';
import { runCommand } from './command.ts';
import { isHost, type LinuxPlatform } from './linux-platform.ts';
import { NODE_BINARY } from './node-runtime.ts';
import { type BuiltProgram, WORKSHOP } from './source-tree.ts';
import { type Made, makeOnce } from './stamp.ts';

/** Node looks for this in itself; postject flips its last digit when a blob is there. */
const SEA_FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const POSTJECT = fileURLToPath(import.meta.resolve('postject/dist/cli.js'));

/** Settings of Node's sea-config, apart from the files. */
export const SEA_SETTINGS = {
  disableExperimentalSEAWarning: true,
  // It would lack most functions: code-cache.ts.
  useCodeCache: false,
  // A job's NODE_OPTIONS is for the job's own Node: a --require or --inspect in it must not reach the agent.
  execArgvExtension: 'none',
  // So is its NODE_USE_ENV_PROXY: Node would read the proxies before any of ours runs, and ends at one without a scheme.
  execArgv: [...START_FLAGS, '--no-use-env-proxy'],
};

/** The parts of a binary. `node` is stripped: whatever happens to the file after the injection breaks it. */
export interface SeaParts {
  readonly program: BuiltProgram;
  readonly platform: LinuxPlatform;
  readonly bundle: string;
  readonly node: Made;
}

/** Makes `dist/work/NAME-OS-ARCH`, which needs a C library and libstdc++. */
export async function makeSeaBinary({ program, platform, bundle, node }: SeaParts): Promise<Made> {
  const texts = [SEA_SETTINGS, REHEARSAL_FLAGS, CACHED_START, isHost(platform)];
  const sources = [await readFile(REHEARSAL_PROGRAM), await readFile(bundle)];
  const output = join(WORKSHOP, `${program.name}-${platform.name}`);
  return await makeOnce(output, [JSON.stringify(texts), node.key, ...sources], async (temporary) => {
    const blob = `${temporary}.blob`;
    try {
      // V8 takes the code cache of its own processor alone: without it a start compiles what it runs, and nothing else differs.
      if (isHost(platform)) await writeCachedBlob(bundle, blob);
      else await writeBlob({ main: bundle, output: blob });
      await copyFile(node.path, temporary);
      await injectBlob(temporary, blob);
      await chmod(temporary, 0o755);
    } finally {
      await rm(blob, { force: true });
    }
  });
}

/** Puts a blob into a Node of the version that made it. Whatever happens to the file afterwards breaks it. */
export async function injectBlob(program: string, blob: string): Promise<void> {
  await runCommand(NODE_BINARY, [POSTJECT, program, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', SEA_FUSE]);
}

/** Writes what is injected for a program with a code cache. The same from the same, byte for byte. */
async function writeCachedBlob(bundle: string, output: string): Promise<void> {
  const script = `${output}.script`;
  try {
    await writeFile(script, programScriptFrom(await readFile(bundle, 'utf8')), 'latin1');
    await writeStartBlob({ script, cache: await makeCodeCache(script) }, output);
  } finally {
    await rm(script, { force: true });
  }
}

/** What starts as `CACHED_START` does: a file that `programScriptFrom` made, and its cache. */
async function writeStartBlob(
  { script, cache }: { readonly script: string; readonly cache: Buffer },
  output: string,
): Promise<void> {
  const main = `${output}.main`;
  const cacheFile = `${output}.cache`;
  try {
    await Promise.all([writeFile(main, CACHED_START), writeFile(cacheFile, cache)]);
    await writeBlob({ main, output, assets: { script, cache: cacheFile } });
  } finally {
    await Promise.all([main, cacheFile].map((path) => rm(path, { force: true })));
  }
}

interface BlobParts {
  readonly main: string;
  readonly output: string;
  /** By the names that `main` asks for. */
  readonly assets?: Readonly<Record<string, string>>;
}

/** Writes what is injected: a CommonJS file that is the program, and what it reads. */
async function writeBlob(parts: BlobParts): Promise<void> {
  const config = `${parts.output}.json`;
  try {
    await writeFile(config, JSON.stringify({ ...SEA_SETTINGS, ...parts }));
    await runCommand(NODE_BINARY, ['--experimental-sea-config', config]);
  } finally {
    await rm(config, { force: true });
  }
}
