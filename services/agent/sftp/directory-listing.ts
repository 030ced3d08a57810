// A directory listing: the entries of one directory with their attributes, taken a batch at a time.
import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import type { DirectoryNames, JobFiles, SystemPath } from '../platform/job-files.ts';

export interface DirectoryEntry {
  readonly name: Buffer;
  readonly stats: Stats;
}

/** Names looked up at once: enough to keep libuv's threads busy, little enough to hold. */
const BATCH_ENTRIES = 64;

/** Node leaves these two out; `ls -la` in sftp shows them. */
const OWN_NAMES: readonly Buffer[] = [Buffer.from('.'), Buffer.from('..')];

/** Opens the directory; throws the system's error. */
export async function openListing(files: JobFiles, path: SystemPath): Promise<DirectoryListing> {
  return new DirectoryListing(files, path, await files.openDirectory(path, BATCH_ENTRIES));
}

/** An open directory, and how far it has been listed. */
export class DirectoryListing {
  readonly kind = 'directory';
  readonly path: SystemPath;
  readonly #files: JobFiles;
  readonly #directory: DirectoryNames;
  /** Those that Node leaves out, until they are listed. */
  readonly #ownNames: Buffer[] = [...OWN_NAMES];
  #batch: DirectoryEntry[] = [];

  constructor(files: JobFiles, path: SystemPath, directory: DirectoryNames) {
    this.#files = files;
    this.path = path;
    this.#directory = directory;
  }

  /** The next entry, or undefined at the end. Entries that vanish meanwhile are left out. */
  async next(): Promise<DirectoryEntry | undefined> {
    while (this.#batch.length === 0) {
      const names = await this.#nextNames();
      if (names.length === 0) return undefined;
      const entries = await Promise.all(names.map((name) => this.#entry(name)));
      this.#batch = entries.filter((entry) => entry !== undefined);
    }
    return this.#batch.shift();
  }

  async close(): Promise<void> {
    await this.#directory.close();
  }

  /** The names of one batch; none at the end. */
  async #nextNames(): Promise<readonly Buffer[]> {
    const names = this.#ownNames.splice(0);
    while (names.length < BATCH_ENTRIES) {
      const name = await this.#directory.read();
      if (name === undefined) break;
      names.push(name);
    }
    return names;
  }

  async #entry(name: Buffer): Promise<DirectoryEntry | undefined> {
    return lstat(this.#files.entryOf(this.path, name)).then(
      (stats) => ({ name, stats: this.#files.seen(stats) }),
      () => undefined,
    );
  }
}
