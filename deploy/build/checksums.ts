// Checksums: SHA256SUMS as sha256sum writes and checks it, of the uncompressed binaries.
import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { signaturePath } from './signature.ts';
import { DIST } from './source-tree.ts';
import { type Made, makeOnce } from './stamp.ts';

const SUMS = join(DIST, 'bin/SHA256SUMS');

/** Writes `dist/bin/SHA256SUMS`; the relay serves what it lists. */
export async function writeChecksums(binaries: readonly Made[]): Promise<Made> {
  const ingredients = binaries.flatMap(({ path, key }) => [basename(path), key]);
  return await makeOnce(SUMS, ingredients, async (temporary) => {
    const lines = await Promise.all(
      binaries.map(async ({ path }) => `${await fileDigest(path)}  ${basename(path)}\n`),
    );
    await writeFile(temporary, lines.join(''));
  });
}

/** The SHA-256 of a file, in hex. */
export async function fileDigest(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

/** Takes the list and its signature away while binaries change: a running relay serves none that does not match. */
export async function withdrawChecksums(): Promise<void> {
  await rm(signaturePath(SUMS), { force: true });
  await rm(SUMS, { force: true });
}
