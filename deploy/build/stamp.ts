// Stamps: an output is made again only when what it is made from has changed.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { WORKSHOP } from './source-tree.ts';

/** An output and the fingerprint of all that went into it, which is what a later step takes as its own input. */
export interface Made {
  readonly path: string;
  readonly key: string;
  /** False when the output from an earlier build is still right. */
  readonly isNew: boolean;
}

/** Whatever decides what an output looks like: file contents, parameters, keys of earlier steps. */
export type Ingredient = string | Uint8Array;

/**
 * Calls `make(temporary)` unless `path` was already made from the same ingredients, and moves the temporary file into
 * its place at once when it is complete: who reads `path` meanwhile sees the old file or the new one, never half of it.
 * When `make` throws, the old file stays, and the next call tries again.
 */
export async function makeOnce(
  path: string,
  ingredients: readonly Ingredient[],
  make: (temporary: string) => Promise<void>,
  stamps: string = join(WORKSHOP, 'stamps'),
): Promise<Made> {
  const key = fingerprint(ingredients);
  const stamp = join(stamps, basename(path));
  if ((await readStamp(stamp)) === `${key} ${await sizeOf(path)}`) return { path, key, isNew: false };

  const temporary = `${path}.${process.pid}.part`;
  await mkdir(dirname(path), { recursive: true });
  await mkdir(stamps, { recursive: true });
  try {
    await make(temporary);
    await rm(stamp, { force: true });
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await writeFile(stamp, `${key} ${await sizeOf(path)}`);
  return { path, key, isNew: true };
}

function fingerprint(ingredients: readonly Ingredient[]): string {
  const hash = createHash('sha256');
  for (const ingredient of ingredients) hash.update(`${ingredient.length}:`).update(ingredient);
  return hash.digest('hex');
}

async function readStamp(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch(() => undefined);
}

async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => -1,
  );
}
