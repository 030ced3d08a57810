// ssh2 with the ciphers that the binaries have: what the build compiled, where ssh2 looks for what npm would have.
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DIST } from '../../deploy/build/source-tree.ts';

/** From here on; ssh2 must not be loaded yet. */
export function useBuiltSshCiphers(): void {
  const { href } = pathToFileURL(join(DIST, 'native/sshcrypto.node'));
  registerHooks({
    resolve(specifier, context, next) {
      const isAddon = specifier.endsWith('/sshcrypto.node');
      return isAddon ? { url: href, format: 'addon', shortCircuit: true } : next(specifier, context);
    },
  });
}
