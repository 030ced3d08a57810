// Local folders: what is in a folder of this machine that was dropped or picked, as far as a job can take it.
import { MAX_UPLOAD_DEPTH, MAX_UPLOAD_ENTRIES } from '../dom/limits.ts';
import { isFileName } from './path.ts';

/** `path` is below the folder, with `/` between segments, each of which a file of a job may have as its name. */
export interface LocalFile {
  readonly path: string;
  readonly file: File;
}

export interface LocalTree {
  /** Parents before what is in them; without the folder itself. */
  readonly folders: readonly string[];
  readonly files: readonly LocalFile[];
  /** What cannot be read here, or has a name that no file of a job can have. */
  readonly leftOut: number;
}

export interface LocalFolder {
  readonly name: string;
  /** Looks through it; `seen` is told how many files and folders so far. Rejects with a sentence if it is over a limit. */
  look(seen: (count: number) => void, signal: AbortSignal): Promise<LocalTree>;
}

/** What browsers hand over of a drop, as far as it is needed (File and Directory Entries API). */
interface DroppedEntry {
  readonly name: string;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
}

interface DroppedFile extends DroppedEntry {
  file(found: (file: File) => void, failed: () => void): void;
}

interface DroppedReader {
  /** Some of them each time, none at the end. */
  readEntries(found: (entries: DroppedEntry[]) => void, failed: () => void): void;
}

export interface DroppedDirectory extends DroppedEntry {
  createReader(): DroppedReader;
}

/** `webkitRelativePath`: from the folder that was picked on, its name included. */
interface PickedFile extends File {
  readonly webkitRelativePath: string;
}

/** A tree that grows, and says no before it is too large. */
class GrowingTree {
  readonly folders: string[] = [];
  readonly files: LocalFile[] = [];
  leftOut = 0;
  readonly #paths = new Set<string>();
  readonly #seen: (count: number) => void;

  constructor(seen: (count: number) => void) {
    this.#seen = seen;
  }

  /** In the folder `parent`, which is '' at the top. Its path; undefined if it was there, or is none that a job can have. */
  addFolder(parent: string, name: string): string | undefined {
    const path = this.#take(parent, name);
    if (path === undefined) return undefined;
    if (path.split('/').length > MAX_UPLOAD_DEPTH)
      throw new Error(`its folders are more than ${MAX_UPLOAD_DEPTH} deep: ${PACK_IT}`);
    this.folders.push(path);
    return path;
  }

  addFile(parent: string, name: string, file: File): void {
    const path = this.#take(parent, name);
    if (path !== undefined) this.files.push({ path, file });
  }

  #take(parent: string, name: string): string | undefined {
    const path = parent === '' ? name : `${parent}/${name}`;
    // A name that was no text has become the same as another one.
    if (this.#paths.has(path) || !isFileName(name) || !name.isWellFormed()) {
      this.leftOut += 1;
      return undefined;
    }
    this.#paths.add(path);
    if (this.#paths.size > MAX_UPLOAD_ENTRIES)
      throw new Error(
        `it has more than ${MAX_UPLOAD_ENTRIES.toLocaleString('en')} files and folders: ${PACK_IT}`,
      );
    this.#seen(this.#paths.size);
    return path;
  }
}

const PACK_IT = 'pack it, and upload the archive';

/** A folder that was dropped, empty folders and all. */
export function droppedFolder(entry: DroppedDirectory): LocalFolder {
  return {
    name: entry.name,
    async look(seen, signal) {
      const tree = new GrowingTree(seen);
      // One folder after the other, without recursion: how deep it is is not known.
      const open: { readonly path: string; readonly entry: DroppedDirectory }[] = [{ path: '', entry }];
      for (let folder = open.shift(); folder !== undefined; folder = open.shift()) {
        const reader = folder.entry.createReader();
        for (;;) {
          signal.throwIfAborted();
          const batch = await readBatch(reader);
          if (batch === undefined) tree.leftOut += 1;
          if (batch === undefined || batch.length === 0) break;
          // A hundred of them at most: so many a browser gives at once.
          const found = await Promise.all(batch.map(async (one) => ({ one, file: await fileOf(one) })));
          for (const { one, file } of found) {
            if (file !== undefined) tree.addFile(folder.path, one.name, file);
            else if (isFolder(one)) {
              const path = tree.addFolder(folder.path, one.name);
              if (path !== undefined) open.push({ path, entry: one });
            } else tree.leftOut += 1;
          }
        }
      }
      return tree;
    },
  };
}

/** A folder that was picked: a browser hands over its files, and nothing of folders that are empty. */
export function pickedFolder(files: readonly PickedFile[]): LocalFolder | undefined {
  const [name = ''] = (files[0]?.webkitRelativePath ?? '').split('/');
  if (name === '') return undefined;
  return {
    name,
    look: async (seen, signal) => {
      const tree = new GrowingTree(seen);
      const known = new Map<string, string | undefined>([['', '']]);
      for (const file of files) {
        signal.throwIfAborted();
        const [, ...names] = file.webkitRelativePath.split('/');
        const last = names.pop() ?? '';
        let parent: string | undefined = '';
        for (const below of names) {
          const path: string = `${parent}/${below}`;
          if (parent !== undefined && !known.has(path)) known.set(path, tree.addFolder(parent, below));
          parent = parent === undefined ? undefined : known.get(path);
        }
        if (parent !== undefined) tree.addFile(parent, last, file);
      }
      return tree;
    },
  };
}

/** The next of them; none at the end; undefined where the folder cannot be read. */
async function readBatch(reader: DroppedReader): Promise<DroppedEntry[] | undefined> {
  return await new Promise((resolve) => reader.readEntries(resolve, () => resolve(undefined)));
}

/** Undefined for what is none, and for one that cannot be read. */
async function fileOf(entry: DroppedEntry): Promise<File | undefined> {
  if (!isFile(entry)) return undefined;
  return await new Promise((resolve) => entry.file(resolve, () => resolve(undefined)));
}

function isFile(entry: DroppedEntry): entry is DroppedFile {
  return entry.isFile;
}

function isFolder(entry: DroppedEntry): entry is DroppedDirectory {
  return entry.isDirectory;
}
