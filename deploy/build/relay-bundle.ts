// The relay's bundle: ES modules that run with plain `node`, without node_modules.
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { hostPlatform, type LinuxPlatform } from './linux-platform.ts';
import { compilePump } from './native-addons.ts';
import { DIST, RELAY_ENTRY, ROOT, SESSION_CHECK_ENTRY } from './source-tree.ts';

/** CommonJS packages inside an ES module ask for Node's modules with require, and some for their own file name. */
const BANNER = [
  "import { createRequire as createRequireOfBundle } from 'node:module';",
  'const require = createRequireOfBundle(import.meta.url);',
  'const __filename = import.meta.filename;',
  'const __dirname = import.meta.dirname;',
].join('\n');

/**
 * Writes into `folder` what every Node can read, `main.js`; what that loads once its Node is the right one, and what the
 * relay loads only when it is needed (the Kubernetes client is more than half of all code); and `session-check.js`, which
 * `helm test` runs from the same image; and the pump for each of `platforms`: images of several are made of one build. All but a pump
 * that has changed takes well under a second, so it is done in every build.
 * @throws BuildError as `ensureCompilers` does, or if a pump does not compile
 */
export async function bundleRelay(
  folder = join(DIST, 'relay'),
  platforms: readonly LinuxPlatform[] = [hostPlatform()],
): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  await build({
    entryPoints: { main: join(ROOT, RELAY_ENTRY), 'session-check': join(ROOT, SESSION_CHECK_ENTRY) },
    outdir: folder,
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    splitting: true,
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: { js: BANNER },
    // ssh2 does without both, and a check needs no speed.
    external: ['cpu-features', '*.node'],
    logLevel: 'warning',
  });
  for (const platform of platforms)
    await copyFile((await compilePump(platform)).path, join(folder, `pump-${platform.name}.node`));
  return join(folder, 'main.js');
}
