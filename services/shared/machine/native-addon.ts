// The native addons: the one place that loads .node files, from dist/ or from where the launcher has unpacked them.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import { faultText } from '#shared/text/fault-text.ts';
import { unpackedAddon } from './own-program.ts';

/** `process`: the agent's programs, always there. `sshcrypto`: ssh2's ciphers; `pipesize`: see wsproxy; both are optional. */
export type NativeAddonName = 'process' | 'sshcrypto' | 'pipesize';

/** An addon that must be there but could not be loaded; `cause` is the last failure. */
export class NativeAddonError extends Error {
  readonly code = 'addon_not_loaded';
  override readonly name = 'NativeAddonError';
}

const loaded = new Map<NativeAddonName, unknown>();

/**
 * The exports of an addon; loaded once. `undefined` only for an optional one that was not built.
 * Throws NativeAddonError.
 */
export function loadNativeAddon(name: NativeAddonName): unknown {
  if (!loaded.has(name)) loaded.set(name, isSea() ? loadUnpacked(name) : loadInstalled(name));
  return loaded.get(name);
}

/** Beside the program, where its launcher has put it. */
function loadUnpacked(name: NativeAddonName): unknown {
  const file = unpackedAddon(`${name}.node`);
  if (file === undefined) {
    if (name !== 'process') return undefined;
    throw new NativeAddonError(
      `${name}.node is not there: start the file that the relay offers, not what it unpacks`,
    );
  }
  return loadAddonFile(file);
}

/** The exports of the addon in this file. @throws NativeAddonError */
export function loadAddonFile(file: string): unknown {
  // Not undefined: dlopen makes an object of it first.
  const module: { exports: unknown } = { exports: {} };
  try {
    process.dlopen(module, file);
  } catch (cause) {
    throw new NativeAddonError(`cannot load ${file}: ${faultText(cause)}`, { cause });
  }
  return module.exports;
}

function loadInstalled(name: NativeAddonName): unknown {
  const built = fileURLToPath(new URL(`../../../dist/native/${name}.node`, import.meta.url));
  if (existsSync(built)) return createRequire(import.meta.url)(built);
  if (name !== 'process') return undefined;
  throw new NativeAddonError(`${built} is missing: npm run build makes it`);
}
