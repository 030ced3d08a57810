// The files that open terminals on macOS: carried inside of the agent, unpacked into a folder that nobody else can write to.
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inFirstFolder } from '#shared/machine/first-folder.ts';

/** node-pty's, as npm has them for macOS. */
export interface TerminalFiles {
  /** Opens terminals and sizes them. */
  readonly addon: string;
  /** Gives its own terminal to itself, and becomes a program. */
  readonly helper: string;
}

export type UnpackedTerminalFiles =
  | { readonly kind: 'unpacked'; readonly files: TerminalFiles; readonly remove: () => void }
  /** No folder will do; `detail` says what is wrong with each. */
  | { readonly kind: 'none'; readonly detail: string };

const ADDON_NAME = 'pty.node';
const HELPER_NAME = 'spawn-helper';

/**
 * Unpacks them below the first of `parents` that has room for them and runs programs. `assetOf` gives a file by its name and
 * may throw. Never throws; `remove` may be called twice.
 */
export function unpackTerminalFiles(
  parents: readonly string[],
  assetOf: (name: string) => ArrayBuffer,
): UnpackedTerminalFiles {
  const first = inFirstFolder(parents, (parent) => unpackBelow(parent, assetOf));
  if (first.kind === 'none') return first;
  const folder = first.made;
  return {
    kind: 'unpacked',
    files: { addon: join(folder, ADDON_NAME), helper: join(folder, HELPER_NAME) },
    remove() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function unpackBelow(parent: string, assetOf: (name: string) => ArrayBuffer): string {
  // 0700: whoever could write there would write programs of this user.
  const folder = mkdtempSync(join(parent, 'converge-pty-'));
  try {
    for (const name of [ADDON_NAME, HELPER_NAME]) {
      const bytes = Buffer.from(assetOf(name));
      const path = join(folder, name);
      writeFileSync(path, bytes, { mode: 0o700, flag: 'wx' });
      // Not every file system says that it is full.
      if (!readFileSync(path).equals(bytes)) throw new Error(`${name}: what was written is not there`);
      accessSync(path, constants.X_OK);
    }
    return folder;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
