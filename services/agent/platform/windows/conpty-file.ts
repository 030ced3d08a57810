// The file of the addon that opens terminals on Windows: carried inside of the agent, unpacked once into a folder of the user's.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { win32 } from 'node:path';
import { inFirstFolder } from '#shared/machine/first-folder.ts';

/** Its name in the agent, and as npm has it. */
export const CONPTY_FILE = 'conpty.node';

type JoinPaths = (...parts: string[]) => string;

export type UnpackedConpty =
  | { readonly kind: 'unpacked'; readonly file: string }
  /** No folder will do; `detail` says what is wrong with each. */
  | { readonly kind: 'none'; readonly detail: string };

/**
 * Unpacks it below the first of `parents` that takes it, where nobody but this user may write. It stays there for the next
 * start: Windows removes no file that a program has loaded. `join` is that of paths here. Never throws.
 */
export function unpackConpty(
  parents: readonly string[],
  assetOf: (name: string) => ArrayBuffer,
  join: JoinPaths = (...parts) => win32.join(...parts),
): UnpackedConpty {
  const first = inFirstFolder(parents, (parent) =>
    unpackBelow(parent, Buffer.from(assetOf(CONPTY_FILE)), join),
  );
  return first.kind === 'none' ? first : { kind: 'unpacked', file: first.made };
}

/** The name is the content's: two agents may do this at once, and another version has another folder. */
function unpackBelow(parent: string, bytes: Buffer, join: JoinPaths): string {
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const folder = join(parent, `converge-agent-${digest}`);
  const file = join(folder, CONPTY_FILE);
  if (hasContent(file, bytes)) return file;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const part = join(folder, `${process.pid}.part`);
  try {
    writeFileSync(part, bytes, { mode: 0o700 });
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    if (!hasContent(file, bytes)) throw error;
  }
  // Not every file system says that it is full.
  if (!hasContent(file, bytes)) throw new Error('what was written is not there');
  return file;
}

function hasContent(file: string, bytes: Buffer): boolean {
  try {
    return readFileSync(file).equals(bytes);
  } catch {
    return false;
  }
}
