// The script: wsproxy as one file of JavaScript, for those who have Node and want no program of a hundred megabytes.
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Plugin, build as runEsbuild } from 'esbuild';
import { BuildError } from './build-error.ts';
import { withdrawChecksums } from './checksums.ts';
import { NATIVE_ADDON_LOADER } from './program-bundle.ts';
import { DIST, ROOT, SCRIPT_NAME, WORKSHOP } from './source-tree.ts';
import { type Made, makeOnce } from './stamp.ts';

const SCRIPT_ENTRY = 'services/clients/script/main.ts';

/** It is fetched where there is not much of a network; and a package that comes in by mistake shows here. */
const MAX_SCRIPT_BYTES = 500_000;

/** The packages in it are CommonJS, and ask for Node's own modules with require. */
const BANNER = [
  '#!/usr/bin/env node',
  "import { createRequire as createRequireOfBundle } from 'node:module';",
  'const require = createRequireOfBundle(import.meta.url);',
].join('\n');

/**
 * Addons are for one system each, and every one that a client asks for is one that it does without. A script is no single
 * executable either; the first Nodes 20 have no `node:sea` to ask.
 */
const withoutExecutable: Plugin = {
  name: 'without-executable',
  setup(build) {
    build.onLoad({ filter: new RegExp(`${NATIVE_ADDON_LOADER.replaceAll('.', '\\.')}$`) }, () => ({
      contents: 'export function loadNativeAddon() { return undefined; }',
    }));
    build.onResolve({ filter: /^node:sea$/ }, () => ({ path: 'sea', namespace: 'script' }));
    build.onLoad({ filter: /.*/, namespace: 'script' }, () => ({
      contents: 'export function isSea() { return false; }',
    }));
  },
};

/**
 * Node's own modules as what `require` gives: a name that an older Node does not have is then undefined where it is used, and
 * not a reason for the file not to start and say what it needs.
 */
const lateNames: Plugin = {
  name: 'late-names',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'node' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'node' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/** Makes `dist/bin/wsproxy.mjs`. @throws BuildError `bundle_broken` when it is larger than it may be */
export async function makeScript(): Promise<Made> {
  const bundle = join(WORKSHOP, SCRIPT_NAME);
  const { outputFiles } = await runEsbuild({
    entryPoints: [join(ROOT, SCRIPT_ENTRY)],
    outfile: bundle,
    write: false,
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    define: { CONVERGE_SCRIPT: JSON.stringify(SCRIPT_NAME) },
    banner: { js: BANNER },
    plugins: [withoutExecutable, lateNames],
    logLevel: 'warning',
  });
  const text = outputFiles[0]?.contents ?? new Uint8Array();
  return await makeOnce(join(DIST, 'bin', SCRIPT_NAME), [text], async (temporary) => {
    if (text.length > MAX_SCRIPT_BYTES)
      throw new BuildError(
        'bundle_broken',
        `${SCRIPT_NAME} has ${text.length} bytes, more than ${MAX_SCRIPT_BYTES}`,
      );
    await withdrawChecksums();
    await writeFile(temporary, text);
    await chmod(temporary, 0o755);
  });
}
