// Saving a text: beside the file first, and in its place once all of it is there, so that whatever breaks off leaves the old or the new.
import type { FileFacts, PageFiles } from '../../job/job-files.ts';
import { isOfOneEntry } from './entry-fault.ts';
import { folderOf, pathIn } from './path.ts';
import { readWhole, writeWhole } from './whole-file.ts';

export interface TextSave {
  readonly files: PageFiles;
  /** Links are followed: what they lead to is written, and they stay. */
  readonly path: string;
  /** What was in it when it was opened, or last saved. */
  readonly before: Uint8Array;
  readonly bytes: Uint8Array;
  /** Whether it may be written although it is another one by now, or is not there any more. */
  readonly confirm: (change: 'changed' | 'gone') => Promise<boolean>;
}

export type TextSaved =
  | { readonly kind: 'saved' }
  /** Nothing could be made beside it, so it was written over: had that broken off, a part would be there. */
  | { readonly kind: 'saved_in_place' }
  /** The person left what is in the job. */
  | { readonly kind: 'kept' }
  /** `isHarmed`: the file may hold a part of the new text. */
  | { readonly kind: 'failed'; readonly error: unknown; readonly isHarmed: boolean };

/** Never rejects. */
export async function saveText(save: TextSave): Promise<TextSaved> {
  const place = { isTouched: false };
  try {
    return await saved(save, place);
  } catch (error) {
    return { kind: 'failed', error, isHarmed: place.isTouched };
  }
}

async function saved(save: TextSave, place: { isTouched: boolean }): Promise<TextSaved> {
  const { bytes, confirm, files, path } = save;
  const found = await find(files, path);
  if (found === undefined) {
    if (!(await confirm('gone'))) return { kind: 'kept' };
    const stream = await files.write(path, { from: 'fresh' });
    place.isTouched = true;
    await writeWhole(stream, bytes);
    return { kind: 'saved' };
  }
  let beside = await writeBeside(files, found, bytes);
  try {
    // As late as can be: what is written to the file until here is not lost unseen.
    if (!(await isAsBefore(save, found.target)) && !(await confirm('changed'))) return { kind: 'kept' };
    if (beside !== undefined && (await replace(files, beside, found.target))) {
      beside = undefined;
      return { kind: 'saved' };
    }
  } finally {
    if (beside !== undefined) await discarded(files, beside);
  }
  place.isTouched = true;
  // Not emptied first: a disk without room keeps what it has.
  await writeWhole(await files.write(found.target, { from: 0 }), bytes);
  if ((found.facts.size ?? 0) > bytes.length)
    await files.change(found.target, { kind: 'size', size: bytes.length });
  return { kind: 'saved_in_place' };
}

interface FoundFile {
  /** Without links. */
  readonly target: string;
  readonly facts: FileFacts;
}

async function find(files: PageFiles, path: string): Promise<FoundFile | undefined> {
  try {
    const target = await files.realPath(path);
    return { target, facts: await files.stat(target) };
  } catch (error) {
    if (!isOfOneEntry(error)) throw error;
    return undefined;
  }
}

/**
 * All of it under a name that nobody else has, with owner and permissions of the file; gives that name. Undefined where nothing
 * can be made there, or not as the file is. Rejects if it was begun and could not be ended: there may be no room.
 */
async function writeBeside(
  files: PageFiles,
  { facts, target }: FoundFile,
  bytes: Uint8Array,
): Promise<string | undefined> {
  if (facts.kind !== 'file') return undefined;
  const path = pathIn(folderOf(target), freeName());
  // Nobody else's until it has the permissions of the file, and never through a link that somebody has laid.
  const stream = await files.write(path, { from: 'fresh', permissions: 0o600 }).catch((error: unknown) => {
    if (!isOfOneEntry(error)) throw error;
  });
  if (stream === undefined) return undefined;
  try {
    await writeWhole(stream, bytes);
    return (await takeOver(files, path, facts)) ? path : await discarded(files, path);
  } catch (error) {
    await discarded(files, path);
    throw error;
  }
}

/** False if it cannot be as the file is. */
async function takeOver(files: PageFiles, path: string, { owner, permissions }: FileFacts): Promise<boolean> {
  try {
    const { owner: ours } = await files.stat(path);
    if (owner !== undefined && (ours?.uid !== owner.uid || ours.gid !== owner.gid))
      await files.change(path, { kind: 'owner', owner });
    // After the owner, whose change takes bits away.
    if (permissions !== undefined) await files.change(path, { kind: 'permissions', permissions });
    return true;
  } catch (error) {
    if (!isOfOneEntry(error)) throw error;
    return false;
  }
}

async function discarded(files: PageFiles, path: string): Promise<undefined> {
  await files.removeFile(path).catch(() => undefined);
}

/** By its content: a time says seconds, and a size little. */
async function isAsBefore({ before, files }: TextSave, target: string): Promise<boolean> {
  const now = await readWhole(files, target, before.length);
  return now.length === before.length && now.every((byte, at) => byte === before[at]);
}

/** False where the job can rename nothing over what is there. */
async function replace(files: PageFiles, from: string, to: string): Promise<boolean> {
  try {
    await files.rename(from, to);
    return true;
  } catch (error) {
    if (!isOfOneEntry(error)) throw error;
    return false;
  }
}

/** Hidden, and short: the name of the file may be as long as a name can be. */
function freeName(): string {
  const random = crypto.getRandomValues(new Uint8Array(8));
  return `.converge-${Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
