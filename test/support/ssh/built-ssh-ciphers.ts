// ssh2 with the ciphers that the binaries have: what the build compiled, where ssh2 looks for what npm would have.
import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DIST } from '../../../deploy/build/source-tree.ts';

/** From here on; ssh2 must not be loaded yet, and goes on without what it does not find. */
export function useBuiltSshCiphers(): void {
  const addon = join(DIST, 'native/sshcrypto.node');
  if (!existsSync(addon)) throw new Error(`${addon} is missing: npm run build makes it`);
  const { href } = pathToFileURL(addon);
  registerHooks({
    resolve(specifier, context, next) {
      const isAddon = specifier.endsWith('/sshcrypto.node');
      return isAddon ? { url: href, format: 'addon', shortCircuit: true } : next(specifier, context);
    },
  });
}
