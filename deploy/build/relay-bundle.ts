// The relay's bundle: one ES module that runs with plain `node`, without node_modules.
import { join } from 'node:path';
import { build } from 'esbuild';
import { DIST, RELAY_ENTRY, ROOT } from './source-tree.ts';

/** CommonJS packages inside an ES module ask for Node's modules with require, and some for their own file name. */
const BANNER = [
  "import { createRequire as createRequireOfBundle } from 'node:module';",
  'const require = createRequireOfBundle(import.meta.url);',
  'const __filename = import.meta.filename;',
  'const __dirname = import.meta.dirname;',
].join('\n');

/** Writes `dist/relay/main.js`. It takes well under a second, so it is done in every build. */
export async function bundleRelay(): Promise<string> {
  const output = join(DIST, 'relay/main.js');
  await build({
    entryPoints: [join(ROOT, RELAY_ENTRY)],
    outfile: output,
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: { js: BANNER },
    logLevel: 'warning',
  });
  return output;
}
