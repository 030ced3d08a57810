// A directory listing: the entries of one directory with their attributes, taken a batch at a time.
import type { Dir, Stats } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';

export interface DirectoryEntry {
  readonly name: Buffer;
  readonly stats: Stats;
}

/** Names looked up at once: enough to keep libuv's threads busy, little enough to hold. */
const BATCH_ENTRIES = 64;

const SEPARATOR = Buffer.from('/');

/** Node leaves these two out; `ls -la` in sftp shows them. */
const OWN_NAMES: readonly Buffer[] = [Buffer.from('.'), Buffer.from('..')];

/** Opens the directory; throws the system's error. */
export async function openListing(path: Buffer): Promise<DirectoryListing> {
  const directory = await opendir(path, {
    // The typings know text encodings only; with 'buffer' each name is a Buffer (node:fs documentation of Dirent.name).
    encoding: 'buffer' as BufferEncoding,
    bufferSize: BATCH_ENTRIES,
  });
  return new DirectoryListing(path, directory);
}

/** An open directory, and how far it has been listed. */
export class DirectoryListing {
  readonly kind = 'directory';
  readonly path: Buffer;
  readonly #directory: Dir;
  /** Those that Node leaves out, until they are listed. */
  readonly #ownNames: Buffer[] = [...OWN_NAMES];
  #batch: DirectoryEntry[] = [];

  constructor(path: Buffer, directory: Dir) {
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
      const entry = await this.#directory.read();
      if (entry === null) break;
      names.push(bytesOf(entry.name));
    }
    return names;
  }

  async #entry(name: Buffer): Promise<DirectoryEntry | undefined> {
    return lstat(Buffer.concat([this.path, SEPARATOR, name])).then(
      (stats) => ({ name, stats }),
      () => undefined,
    );
  }
}

function bytesOf(name: string | Buffer): Buffer {
  return typeof name === 'string' ? Buffer.from(name) : name;
}
