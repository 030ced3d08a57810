// The cache: folders with what was brought from elsewhere, once for all builds of this user.
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Outside of the repository, so that a fresh clone on the same machine needs no network for it. */
export const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'converge');

/**
 * Puts what `fill` has made in the place of `folder` at once, never half of it. `fill` gets an empty folder, which goes with all
 * that is still in it, and says where in it the result is. Where `isGood` says of the result that what is there is as good, as
 * another process may have left it meanwhile, that stays.
 */
export async function fillCacheFolder(
  folder: string,
  fill: (part: string) => Promise<string>,
  isGood: (made: string) => Promise<boolean>,
): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const part = await mkdtemp(`${folder}.part-`);
  try {
    const made = await fill(part);
    await rename(made, folder).catch(async (error: unknown) => {
      if (await isGood(made)) return;
      if (!(await isFolder(folder))) throw error;
      await rm(folder, { recursive: true, force: true });
      await rename(made, folder);
    });
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

/** False also where nothing is. */
export async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}
