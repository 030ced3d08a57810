// The bundle of session-check, which `helm test` runs from the relay's image: beside the relay's own.
import { join } from 'node:path';
import { build } from 'esbuild';
import { MODULE_BANNER } from './relay-bundle.ts';
import { DIST, ROOT } from './source-tree.ts';

/** Writes `dist/relay/session-check.js`; the relay's bundle has to be there already, since that empties the folder. */
export async function bundleSessionCheck(): Promise<string> {
  const output = join(DIST, 'relay/session-check.js');
  await build({
    entryPoints: [join(ROOT, 'services/clients/session-check/main.ts')],
    outfile: output,
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: { js: MODULE_BANNER },
    // ssh2 does without both: a check needs no speed.
    external: ['cpu-features', '*.node'],
    logLevel: 'warning',
  });
  return output;
}
