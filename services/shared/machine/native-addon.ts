// The native addons: the one place that loads .node files, from node_modules or out of the single binary.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { getRawAsset, isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import { faultText } from '#shared/text/fault-text.ts';

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
  if (!loaded.has(name)) loaded.set(name, isSea() ? loadAsset(name) : loadInstalled(name));
  return loaded.get(name);
}

function loadAsset(name: NativeAddonName): unknown {
  const bytes = new Uint8Array(getRawAsset(`${name}.node`));
  let cause: unknown;
  // Hardened images mount /tmp noexec, and a library cannot be mapped from there: try the next place.
  for (const parent of [tmpdir(), '/dev/shm', '/var/tmp', process.cwd()]) {
    try {
      return loadFrom(parent, name, bytes);
    } catch (error) {
      cause = error;
    }
  }
  const detail = faultText(cause);
  throw new NativeAddonError(`cannot load ${name}.node from any temporary folder: ${detail}`, { cause });
}

function loadFrom(parent: string, name: string, bytes: Uint8Array): unknown {
  const folder = mkdtempSync(path.join(parent, 'converge-')); // mkdtemp makes it 0700
  try {
    const file = path.join(folder, `${name}.node`);
    writeFileSync(file, bytes, { mode: 0o700 });
    // Not undefined: dlopen makes an object of it first.
    const module: { exports: unknown } = { exports: {} };
    process.dlopen(module, file);
    return module.exports;
  } finally {
    // The mapping outlives the file.
    rmSync(folder, { recursive: true, force: true });
  }
}

function loadInstalled(name: NativeAddonName): unknown {
  const built = fileURLToPath(new URL(`../../../dist/native/${name}.node`, import.meta.url));
  if (existsSync(built)) return createRequire(import.meta.url)(built);
  if (name !== 'process') return undefined;
  throw new NativeAddonError(`${built} is missing: npm run build makes it`);
}
