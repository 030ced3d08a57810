// A program's bundle: one CommonJS file, as a single executable application takes it.
import { join } from 'node:path';
import { type Plugin, build as runEsbuild } from 'esbuild';
import { BuildError } from './build-error.ts';
import { type BuiltProgram, ROOT, WORKSHOP } from './source-tree.ts';

/** The one place that loads addons. */
export const NATIVE_ADDON_LOADER = 'services/shared/machine/native-addon.ts';

/** `import.meta` does not exist in CommonJS; in a single executable the file name is that of the executable. */
const IMPORT_META = {
  'import.meta.url': 'importMetaUrl',
  'import.meta.filename': '__filename',
  'import.meta.dirname': '__dirname',
};
const BANNER = "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;";

/** ssh2 looks for its ciphers in a build folder of its own; here they come from the one loader of addons. */
const sshCryptoFromLoader: Plugin = {
  name: 'ssh-crypto-from-loader',
  setup(build) {
    build.onResolve({ filter: /\/sshcrypto\.node$/ }, () => ({
      path: 'sshcrypto',
      namespace: 'native-addon',
    }));
    build.onLoad({ filter: /.*/, namespace: 'native-addon' }, ({ path }) => ({
      contents: `module.exports = require('./${NATIVE_ADDON_LOADER}').loadNativeAddon('${path}');`,
      resolveDir: ROOT,
    }));
  },
};

/** SHA-256 in hex, by the name of the download: `wsproxy-linux-x64`. */
export type Digests = Readonly<Record<string, string>>;

/**
 * Bundles one program and returns the path of the result. The agent carries `clientDigests` (client-digests.ts there).
 * @throws BuildError `bundle_broken` when an addon that the program should carry is nowhere asked for: ssh2 then works
 *   too, at a fraction of the speed, and nobody would notice.
 */
export async function bundleProgram(program: BuiltProgram, clientDigests: Digests = {}): Promise<string> {
  const output = join(WORKSHOP, `${program.name}.cjs`);
  const { metafile } = await runEsbuild({
    entryPoints: [join(ROOT, program.entry)],
    outfile: output,
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    define: { ...IMPORT_META, CONVERGE_CLIENT_DIGESTS: JSON.stringify(clientDigests) },
    banner: { js: BANNER },
    // An optional package of ssh2's: it only reorders ciphers on processors without AES, and ssh2 copes without it.
    external: ['cpu-features'],
    plugins: [sshCryptoFromLoader],
    metafile: true,
    logLevel: 'warning',
  });
  const carriesCrypto = 'native-addon:sshcrypto' in metafile.inputs;
  if (carriesCrypto !== program.addons.includes('sshcrypto')) {
    const found = carriesCrypto ? 'uses' : 'does not use';
    throw new BuildError('bundle_broken', `${program.entry} ${found} ssh2's cipher addon`);
  }
  return output;
}
