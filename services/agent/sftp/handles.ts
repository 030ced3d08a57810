// The handles of one session: open files and directories, by the numbers their client knows them under.

import { closeDescriptor } from './descriptor.ts';
import type { DirectoryListing } from './directory-listing.ts';
import type { FileKey } from './footprint.ts';
import { MAX_OPEN_HANDLES } from './limits.ts';
import { type StatusName, StatusRefusal } from './refusal.ts';

export interface FileHandle {
  kind: 'file';
  number: number;
  descriptor: number;
  file: FileKey;
  /** Opened with O_APPEND: every write goes to the end, whatever its offset. */
  append: boolean;
  path: Buffer;
}

export interface DirectoryHandle {
  kind: 'directory';
  number: number;
  listing: DirectoryListing;
  path: Buffer;
}

export type Handle = FileHandle | DirectoryHandle;

type Unnumbered<H> = H extends Handle ? Omit<H, 'number'> : never;

const HANDLE_BYTES = 4;
const MAX_HANDLE_NUMBER = 0xffffffff;

/** Owns what is open. Numbers are not used again, so a stale handle never means another file. */
export class HandleTable {
  readonly #handles = new Map<number, Handle>();
  #lastNumber = 0;
  /** Opens under way: they count, as several may run at once. */
  #reserved = 0;

  /**
   * Opens through `open`, and returns the new handle as the client will send it. Throws a StatusRefusal, before `open` is
   * called, where the session has MAX_OPEN_HANDLES open.
   */
  async add(open: () => Promise<Unnumbered<Handle>>): Promise<Buffer> {
    if (this.#handles.size + this.#reserved >= MAX_OPEN_HANDLES) {
      throw new StatusRefusal(
        'FAILURE',
        `too many open handles: close some of the ${MAX_OPEN_HANDLES} first`,
      );
    }
    this.#reserved += 1;
    try {
      const opened = await open();
      this.#lastNumber = this.#nextNumber();
      this.#handles.set(this.#lastNumber, { ...opened, number: this.#lastNumber });
      const handle = Buffer.allocUnsafe(HANDLE_BYTES);
      handle.writeUInt32BE(this.#lastNumber);
      return handle;
    } finally {
      this.#reserved -= 1;
    }
  }

  find(handle: Buffer): Handle | undefined {
    return handle.length === HANDLE_BYTES ? this.#handles.get(handle.readUInt32BE()) : undefined;
  }

  findFile(handle: Buffer): FileHandle | undefined {
    const found = this.find(handle);
    return found?.kind === 'file' ? found : undefined;
  }

  findDirectory(handle: Buffer): DirectoryHandle | undefined {
    const found = this.find(handle);
    return found?.kind === 'directory' ? found : undefined;
  }

  /** The open file behind `handle`; throws a StatusRefusal, with `otherwise`, where there is none. */
  file(handle: Buffer, otherwise: StatusName = 'FAILURE'): FileHandle {
    return this.findFile(handle) ?? refuse('the handle is not that of an open file', otherwise);
  }

  /** The open directory behind `handle`; throws a StatusRefusal where there is none. */
  directory(handle: Buffer): DirectoryHandle {
    return this.findDirectory(handle) ?? refuse('the handle is not that of an open directory');
  }

  /** Throws what the system says to the closing; the handle is gone either way. */
  async close(handle: Handle): Promise<void> {
    this.#handles.delete(handle.number);
    await (handle.kind === 'file' ? closeDescriptor(handle.descriptor) : handle.listing.close());
  }

  /** Closes everything, for the end of a session: nobody is left to hear of an error. */
  async closeAll(): Promise<void> {
    await Promise.allSettled([...this.#handles.values()].map((handle) => this.close(handle)));
  }

  #nextNumber(): number {
    let number = this.#lastNumber;
    do {
      number = number === MAX_HANDLE_NUMBER ? 1 : number + 1;
    } while (this.#handles.has(number));
    return number;
  }
}

function refuse(message: string, code: StatusName = 'FAILURE'): never {
  throw new StatusRefusal(code, message);
}
