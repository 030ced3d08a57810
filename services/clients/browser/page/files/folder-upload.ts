// Uploading a folder: all that is in it, into a folder of the job, several files at once; what cannot be written is left out and said.
//
// Links in the job are not followed out of the folder that is written. What was interrupted goes on: files that are there stay,
// those that were begun go on where they are.
import type { PageFiles } from '../../job/job-files.ts';
import { MAX_FILES_AT_ONCE, MAX_REFUSED_FILES } from '../dom/limits.ts';
import { visibleText } from '../dom/visible-text.ts';
import { isOfOneEntry } from './entry-fault.ts';
import { faultSentence } from './file-text.ts';
import type { LocalFile, LocalFolder, LocalTree } from './local-folder.ts';
import { pourFile } from './pour-file.ts';
import type { TransferWork } from './transfer.ts';
import { UploadPlace } from './upload-place.ts';

/** Uploads `folder` into the folder `into` of the job. */
export function folderUploadOf(folder: LocalFolder, into: string): TransferWork {
  return new FolderUpload(folder, into);
}

/** What is the same for all files of one run. */
interface Run {
  readonly files: PageFiles;
  readonly place: UploadPlace;
  readonly moved: (bytes: number) => void;
  readonly signal: AbortSignal;
}

class FolderUpload implements TransferWork {
  readonly way = 'up';
  readonly canResume = true;
  readonly name: string;
  readonly #folder: LocalFolder;
  readonly #into: string;
  #tree: LocalTree | undefined;
  #seen = 0;
  #size: number | undefined;
  readonly #done = new Set<LocalFile>();
  readonly #refusedFiles = new Set<LocalFile>();
  /** Of files that were begun, in bytes. */
  readonly #moved = new Map<LocalFile, number>();
  #leftOut = 0;
  #firstReason = '';
  #refusedInARow = 0;

  constructor(folder: LocalFolder, into: string) {
    this.#folder = folder;
    this.#into = into;
    this.name = folder.name;
  }

  get size(): number | undefined {
    return this.#size;
  }

  get detail(): string {
    if (this.#tree === undefined) return `looks through it, ${this.#seen.toLocaleString('en')} so far`;
    const count = this.#tree.files.length.toLocaleString('en');
    return `${this.#done.size.toLocaleString('en')} of ${count} files`;
  }

  async run(
    files: PageFiles,
    _from: number,
    moved: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const tree = (this.#tree ??= await this.#look(moved, signal));
    const place = await UploadPlace.open(files, this.#into, this.name);
    const stopping = new AbortController();
    const run: Run = { files, place, moved, signal: AbortSignal.any([signal, stopping.signal]) };
    // All take from one list; the first fault that is not of one file stops the others.
    const left = tree.files.filter((file) => !this.#done.has(file) && !this.#refusedFiles.has(file)).values();
    const putAll = async (): Promise<void> => {
      for (const file of left) await this.#put(file, run);
    };
    let fault: { readonly thrown: unknown } | undefined;
    const stop = (thrown: unknown): void => {
      fault ??= { thrown };
      stopping.abort();
    };
    await Promise.all(Array.from({ length: MAX_FILES_AT_ONCE }, () => putAll().catch(stop)));
    if (fault !== undefined) throw fault.thrown;
    for (const path of tree.folders) await this.#make(path, run);
    return this.#summary(tree);
  }

  async drop(): Promise<void> {
    // What is there stays: it is as good as what somebody else put there.
  }

  async #look(moved: (bytes: number) => void, signal: AbortSignal): Promise<LocalTree> {
    const tree = await this.#folder.look((count) => {
      this.#seen = count;
      // Nothing yet, but there is something to be shown.
      if (count % 100 === 0) moved(0);
    }, signal);
    this.#size = tree.files.reduce((sum, { file }) => sum + file.size, 0);
    if (tree.leftOut > 0)
      this.#leaveOut(tree.leftOut, 'it cannot be read, or has a name that no file can have');
    moved(0);
    return tree;
  }

  /** Rejects with what concerns more than this file. */
  async #put(local: LocalFile, run: Run): Promise<void> {
    const { moved, signal } = run;
    const tell = (bytes: number): void => {
      this.#moved.set(local, (this.#moved.get(local) ?? 0) + bytes);
      moved(bytes);
    };
    signal.throwIfAborted();
    try {
      const refusal = await this.#pour(local, tell, run);
      if (refusal !== undefined) return this.#refused(local, refusal, moved);
      this.#done.add(local);
      this.#moved.delete(local);
      this.#refusedInARow = 0;
      moved(0);
    } catch (error) {
      signal.throwIfAborted();
      // What this machine cannot read any more is no fault of files in the job.
      const isLocal = error instanceof DOMException;
      if (!isLocal && !isOfOneEntry(error)) throw error;
      this.#refused(local, isLocal ? 'it cannot be read here' : faultSentence(error), moved);
    }
  }

  /** Why not, if it is not to be written; rejects as the job or this machine does. */
  async #pour(
    local: LocalFile,
    tell: (bytes: number) => void,
    { files, place, signal }: Run,
  ): Promise<string | undefined> {
    const { file, path } = local;
    const from = this.#moved.get(local) ?? 0;
    const opened = await place.openFile(path, from, signal);
    if (opened.kind === 'refused') return opened.reason;
    tell(opened.from - from);
    try {
      await pourFile(file.slice(opened.from), opened.target, tell, signal);
    } catch (error) {
      // A part of a file that was not there is of no use, unless it will go on.
      const isGivenUp = !signal.aborted && (error instanceof DOMException || isOfOneEntry(error));
      if (isGivenUp && opened.isFresh) await files.removeFile(place.pathOf(path)).catch(() => undefined);
      throw error;
    }
    return undefined;
  }

  async #make(path: string, { place, signal }: Run): Promise<void> {
    signal.throwIfAborted();
    const reason = await place.makeFolder(path);
    if (reason !== undefined) this.#leaveOut(1, `${visibleText(path, 60)}: ${reason}`);
  }

  #refused(local: LocalFile, reason: string, moved: (bytes: number) => void): void {
    const { file, path } = local;
    const sentence = `${visibleText(path, 60)}: ${reason}`;
    this.#leaveOut(1, sentence);
    this.#refusedFiles.add(local);
    this.#size = (this.#size ?? file.size) - file.size;
    moved(-(this.#moved.get(local) ?? 0));
    this.#moved.delete(local);
    this.#refusedInARow += 1;
    if (this.#refusedInARow >= MAX_REFUSED_FILES)
      throw new Error(`given up after ${MAX_REFUSED_FILES} files one after the other: ${sentence}`);
  }

  #leaveOut(count: number, reason: string): void {
    this.#leftOut += count;
    this.#firstReason ||= reason;
  }

  #summary({ files, folders }: LocalTree): string {
    if (files.length > 0 && this.#done.size === 0)
      throw new Error(`nothing was uploaded: ${this.#firstReason}`);
    const count = counted(this.#done.size, 'file');
    const without =
      this.#leftOut === 0 ? '' : `, without ${this.#leftOut.toLocaleString('en')}: ${this.#firstReason}`;
    return `uploaded ${count} in ${counted(folders.length + 1, 'folder')}${without}`;
  }
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
}
