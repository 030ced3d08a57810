// A private folder: small files of this user, which nobody else may have written or may read.
import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { faultText } from '#shared/text/fault-text.ts';

/** More than this of a file is not read, in bytes. */
export const MAX_PRIVATE_FILE_BYTES = 64 * 1_024;

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const OTHERS = 0o077;

/** A link is not followed, and a pipe does not hold up whoever opens it. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export type PrivateText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'missing' }
  /** A sentence for a person, with the way out. */
  | { readonly kind: 'ignored'; readonly message: string };

export type Kept = { readonly kind: 'kept' } | { readonly kind: 'not_kept'; readonly message: string };

/** What went wrong, as a sentence for a person. */
class Unfit extends Error {}

/** Reads the file `name` of `folder`, if both are this user's alone. Never rejects. */
export async function readPrivate(folder: string, name: string): Promise<PrivateText> {
  const path = join(folder, name);
  try {
    await checkFolder(folder);
    await using file = await open(path, READ_FLAGS);
    const stats = await file.stat();
    if (!stats.isFile()) throw new Unfit(`${path} is no file; move it away`);
    checkOwner(path, stats, 'chmod 600');
    const buffer = Buffer.alloc(MAX_PRIVATE_FILE_BYTES + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    if (bytesRead > MAX_PRIVATE_FILE_BYTES)
      throw new Unfit(`${path} has more than ${MAX_PRIVATE_FILE_BYTES} bytes; move it away`);
    return { kind: 'text', text: buffer.toString('utf8', 0, bytesRead) };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { kind: 'missing' };
    if (codeOf(error) === 'ELOOP') return { kind: 'ignored', message: `${path} is a link; move it away` };
    return { kind: 'ignored', message: whyNot(path, 'read', error) };
  }
}

/**
 * Writes the file `name` of `folder`, which is made if it is not there. Whoever reads it meanwhile gets what was there before
 * or all of `text`. Never rejects.
 */
export async function keepPrivate(folder: string, name: string, text: string): Promise<Kept> {
  const path = join(folder, name);
  const draft = `${path}.${crypto.randomUUID()}`;
  try {
    await makePrivateFolder(folder);
    await checkFolder(folder);
    try {
      await using file = await open(draft, 'wx', FILE_MODE);
      // Whatever the umask of this process takes from it: no more than this.
      await file.chmod(FILE_MODE);
      await file.writeFile(text);
      await file.datasync();
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    await rename(draft, path);
    return { kind: 'kept' };
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    return { kind: 'not_kept', message: whyNot(path, 'written', error) };
  }
}

/** Removes the file; one that is not there is as good. Never rejects. */
export async function forgetPrivate(folder: string, name: string): Promise<void> {
  await rm(join(folder, name), { force: true }).catch(() => undefined);
}

/** Makes the folder, and those above it that are not there, for this user alone. @throws Error */
export async function makePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
}

async function checkFolder(folder: string): Promise<void> {
  const stats = await lstat(folder);
  if (!stats.isDirectory()) throw new Unfit(`${folder} is no folder; move it away`);
  checkOwner(folder, stats, 'chmod 700');
}

function checkOwner(path: string, { uid, mode }: Stats, wayOut: string): void {
  // Windows has no such owners: what lies in the profile of a user is that user's.
  const own = process.getuid?.();
  if (own === undefined) return;
  if (uid !== own) throw new Unfit(`${path} belongs to somebody else; move it away`);
  if ((mode & OTHERS) !== 0) throw new Unfit(`${path} is open to others; ${wayOut} ${path}`);
}

function whyNot(path: string, deed: string, error: unknown): string {
  return error instanceof Unfit ? error.message : `${path} cannot be ${deed}: ${faultText(error)}`;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
