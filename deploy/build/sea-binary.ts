// SEA binaries: a program's bundle, injected into a copy of Node (a "single executable application").
import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '#shared/machine/runtime-flags.ts';
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
  useCodeCache: true,
  // A job's NODE_OPTIONS is for the job's own Node: a --require or --inspect in it must not reach the agent.
  execArgvExtension: 'none',
  // So is its NODE_USE_ENV_PROXY: Node would read the proxies before any of ours runs, and ends at one without a scheme.
  execArgv: [...NODE_FLAGS, '--no-use-env-proxy'],
};

/**
 * V8 hashes strings with a random seed, and its code cache holds the hashes: with this one, two builds of the same sources
 * are the same file. Only a seed for the build: V8 takes the cache whatever seed a program has, and that stays random.
 */
const CODE_CACHE_FLAGS = ['--random-seed=1'];

/** The parts of a binary. `node` is stripped: whatever happens to the file after the injection breaks it. */
export interface SeaParts {
  readonly program: BuiltProgram;
  readonly platform: LinuxPlatform;
  readonly bundle: string;
  readonly node: Made;
}

/** Makes `dist/work/NAME-OS-ARCH`, which needs a C library and libstdc++. */
export async function makeSeaBinary({ program, platform, bundle, node }: SeaParts): Promise<Made> {
  // V8 takes the code cache of its own processor alone: without it a start compiles what it runs, and nothing else differs.
  const settings = { ...SEA_SETTINGS, useCodeCache: isHost(platform) };
  const ingredients = [JSON.stringify([settings, CODE_CACHE_FLAGS]), node.key, await readFile(bundle)];
  const output = join(WORKSHOP, `${program.name}-${platform.name}`);
  return await makeOnce(output, ingredients, async (temporary) => {
    const blob = `${temporary}.blob`;
    try {
      await writeBlob({ main: bundle, output: blob }, settings);
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

/** Writes what is injected: the program, and with these `settings` its code cache. The same from the same, byte for byte. */
export async function writeBlob(
  parts: { readonly main: string; readonly output: string },
  settings: typeof SEA_SETTINGS = SEA_SETTINGS,
): Promise<void> {
  const config = `${parts.output}.json`;
  try {
    await writeFile(config, JSON.stringify({ ...settings, ...parts }));
    // With the flags of the program, or the code cache is not taken.
    const flags = [...NODE_FLAGS, ...CODE_CACHE_FLAGS];
    await runCommand(NODE_BINARY, [...flags, '--experimental-sea-config', config]);
  } finally {
    await rm(config, { force: true });
  }
}
