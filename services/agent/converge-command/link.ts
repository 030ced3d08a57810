// The link: `converge` where the shim may not run, as in a /dev/shm that is mounted noexec and is all that can be written to. It
// points to the agent's own program, which may run where that lies, and which finds by its name what it was started as.
import { lstatSync } from 'node:fs';
import { access, constants, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CONVERGE_COMMAND_FLAG } from './command-flag.ts';

const NAME = 'converge';

/** @throws Error where `program` is more than one file, or may not run where it lies either */
export async function writeLink(path: string, program: readonly string[]): Promise<void> {
  const [file, ...more] = program;
  if (file === undefined || more.length > 0) throw new Error('programs may not run there');
  await symlink(file, path);
  await access(path, constants.X_OK);
}

/**
 * The words of an invocation, `words` if it was not through such a link: the link lies beside the socket, and a shell that found it
 * by PATH has not said where.
 */
export function wordsThroughLink(
  argv0: string,
  words: readonly string[],
  path: string | undefined,
): readonly string[] {
  if (basename(argv0) !== NAME) return words;
  const folders = argv0 === NAME ? (path ?? '').split(':') : [dirname(argv0)];
  const folder = folders.find((one) => one.startsWith('/') && fact(join(one, NAME)) !== undefined);
  if (folder === undefined || fact(join(folder, NAME))?.isSymbolicLink() !== true) return words;
  const socketPath = join(folder, '../socket');
  return fact(socketPath)?.isSocket() === true ? [CONVERGE_COMMAND_FLAG, socketPath, ...words] : words;
}

/** A folder of PATH may be closed to this user, or no path at all. */
function fact(path: string) {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
