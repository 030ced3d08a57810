// The upload place: the folder of the job that an uploaded folder becomes, and what is written in it, never through a link out of it.
import type { PageFiles } from '../../job/job-files.ts';
import { isOfOneEntry } from './entry-fault.ts';
import { faultSentence } from './file-text.ts';
import { folderOf, isFileName, pathIn } from './path.ts';

export type OpenedUpload =
  | {
      readonly kind: 'open';
      readonly target: WritableStream<Uint8Array>;
      /** Where the first byte goes. */
      readonly from: number;
      /** It was not there before. */
      readonly isFresh: boolean;
    }
  | { readonly kind: 'refused'; readonly reason: string };

const LINK_AWAY = 'a link is there that leads out of the folder';
const NO_FOLDER = 'something of that name is there, and is no folder';
const NO_FILE = 'something of that name is there, and is no file';

export class UploadPlace {
  readonly #files: PageFiles;
  /** Without links. */
  readonly #top: string;
  readonly #made = new Map<string, Promise<string | undefined>>();

  private constructor(files: PageFiles, top: string) {
    this.#files = files;
    this.#top = top;
  }

  /** Makes the folder `name` in `into`; one that is there will do. Rejects with a FileFault, or with a sentence. */
  static async open(files: PageFiles, into: string, name: string): Promise<UploadPlace> {
    if (!isFileName(name)) throw new Error('not uploaded: no folder there can have its name');
    const parent = await files.realPath(into);
    const path = pathIn(parent, name);
    const reason = await makeWithin(files, path, parent);
    if (reason !== undefined) throw new Error(`not uploaded: ${reason}`);
    return new UploadPlace(files, await files.realPath(path));
  }

  /** Of a path below it. */
  pathOf(path: string): string {
    return pathIn(this.#top, path);
  }

  /** Makes a folder below it and those on the way; gives why it cannot be, if so. Rejects if the channel cannot go on. */
  makeFolder(path: string): Promise<string | undefined> {
    const known = this.#made.get(path);
    if (known !== undefined) return known;
    const making = this.#make(path);
    this.#made.set(path, making);
    return making;
  }

  /** Opens a file below it to be written, from byte `from` on if so much is there; else it is made, or emptied. Rejects likewise. */
  async openFile(path: string, from: number, signal: AbortSignal): Promise<OpenedUpload> {
    const files = this.#files;
    const parent = parentOf(path);
    const reason = parent === undefined ? undefined : await this.makeFolder(parent);
    if (reason !== undefined) return { kind: 'refused', reason };
    const whole = this.pathOf(path);
    const there = from === 0 ? 0 : Math.min(from, await sizeOf(files, whole));
    if (there > 0) {
      const target = await files.write(whole, { from: there, signal });
      return { kind: 'open', target, from: there, isFresh: false };
    }
    try {
      // Made where nothing is, so no link is followed.
      const target = await files.write(whole, { from: 'fresh', signal });
      return { kind: 'open', target, from: 0, isFresh: true };
    } catch (error) {
      if (!isOfOneEntry(error)) throw error;
      const refusal = await this.#whyNotOver(whole, error);
      if (refusal !== undefined) return { kind: 'refused', reason: refusal };
    }
    const target = await files.write(whole, { from: 'new', signal });
    return { kind: 'open', target, from: 0, isFresh: false };
  }

  async #make(path: string): Promise<string | undefined> {
    const parent = parentOf(path);
    const reason = parent === undefined ? undefined : await this.makeFolder(parent);
    return reason ?? (await makeWithin(this.#files, this.pathOf(path), this.#top));
  }

  /** Why what is there may not be written over, if so; `error` is why nothing could be made. */
  async #whyNotOver(path: string, error: unknown): Promise<string | undefined> {
    const kind = await kindOf(this.#files, path);
    if (kind === undefined) return faultSentence(error);
    if (kind !== 'link') return kind === 'file' ? undefined : NO_FILE;
    const led = await ledTo(this.#files, path, this.#top);
    if (led === undefined) return LINK_AWAY;
    return led === 'file' ? undefined : NO_FILE;
  }
}

/** Makes a folder, or takes the one that is there, unless a link to it leads out of `boundary`. Gives why not, if so. */
async function makeWithin(files: PageFiles, path: string, boundary: string): Promise<string | undefined> {
  try {
    await files.makeFolder(path);
    return undefined;
  } catch (error) {
    if (!isOfOneEntry(error)) throw error;
    const kind = await kindOf(files, path);
    if (kind === undefined) return faultSentence(error);
    if (kind !== 'link') return kind === 'folder' ? undefined : NO_FOLDER;
    const led = await ledTo(files, path, boundary);
    if (led === undefined) return LINK_AWAY;
    return led === 'folder' ? undefined : NO_FOLDER;
  }
}

/** Without following it; undefined if nothing is there. */
async function kindOf(files: PageFiles, path: string): Promise<string | undefined> {
  const facts = await unlessRefused(files.lstat(path));
  return facts?.kind;
}

/** What a link leads to; undefined if that is outside `boundary`, or nothing. */
async function ledTo(files: PageFiles, path: string, boundary: string): Promise<string | undefined> {
  const real = await unlessRefused(files.realPath(path));
  if (real === undefined || !real.startsWith(pathIn(boundary, ''))) return undefined;
  return (await unlessRefused(files.lstat(real)))?.kind;
}

async function sizeOf(files: PageFiles, path: string): Promise<number> {
  return (await unlessRefused(files.stat(path)))?.size ?? 0;
}

async function unlessRefused<Result>(asking: Promise<Result>): Promise<Result | undefined> {
  try {
    return await asking;
  } catch (error) {
    if (!isOfOneEntry(error)) throw error;
    return undefined;
  }
}

/** Undefined for what lies directly in it. */
function parentOf(path: string): string | undefined {
  const folder = folderOf(`/${path}`);
  return folder === '/' ? undefined : folder.slice(1);
}
