// SEA binaries: a program's bundle and its addons, injected into a copy of Node (a "single executable application").
import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withdrawChecksums } from './checksums.ts';
import { runCommand } from './command.ts';
import { NODE_BINARY } from './node-runtime.ts';
import { NODE_FLAGS } from './runtime-flags.ts';
import { type AddonName, DIST, PLATFORM, type Program } from './source-tree.ts';
import { type Made, makeOnce } from './stamp.ts';

/** Node looks for this in itself; postject flips its last digit when a blob is there. */
const SEA_FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const POSTJECT = fileURLToPath(import.meta.resolve('postject/dist/cli.js'));

/** Settings of Node's sea-config, apart from the files. */
const SEA_SETTINGS = {
  disableExperimentalSEAWarning: true,
  useCodeCache: true,
  // A job's NODE_OPTIONS is for the job's own Node: a --require or --inspect in it must not reach the agent.
  execArgvExtension: 'none',
  execArgv: NODE_FLAGS,
};

/** The parts of a binary. `node` is stripped: whatever happens to the file after the injection breaks it. */
export interface SeaParts {
  readonly program: Program;
  readonly bundle: string;
  readonly addons: Readonly<Record<AddonName, string>>;
  readonly node: Made;
}

/** Makes `dist/bin/NAME-OS-ARCH`. */
export async function makeSeaBinary({ program, bundle, addons, node }: SeaParts): Promise<Made> {
  const assets = Object.fromEntries(program.addons.map((name) => [`${name}.node`, addons[name]]));
  const ingredients = [
    JSON.stringify(SEA_SETTINGS),
    node.key,
    await readFile(bundle),
    ...(await Promise.all(Object.values(assets).map((path) => readFile(path)))),
  ];
  const output = join(DIST, 'bin', `${program.name}-${PLATFORM}`);
  return await makeOnce(output, ingredients, async (temporary) => {
    const blob = `${temporary}.blob`;
    const config = `${temporary}.json`;
    try {
      await writeFile(config, JSON.stringify({ ...SEA_SETTINGS, main: bundle, output: blob, assets }));
      // With the same flags, or the code cache is not taken.
      await runCommand(NODE_BINARY, [...NODE_FLAGS, '--experimental-sea-config', config]);
      await withdrawChecksums();
      await copyFile(node.path, temporary);
      await runCommand(NODE_BINARY, [
        POSTJECT,
        temporary,
        'NODE_SEA_BLOB',
        blob,
        '--sentinel-fuse',
        SEA_FUSE,
      ]);
      await chmod(temporary, 0o755);
    } finally {
      await Promise.all([config, blob].map((path) => rm(path, { force: true })));
    }
  });
}
