// The handles of one connection: the files and directories it has open, by the numbers its client knows them under.
import {
  type BigIntStats,
  type BigIntStatsFs,
  close,
  constants,
  fchmod,
  fchown,
  fstat,
  fsync,
  ftruncate,
  futimes,
  open,
  read,
  type Stats,
  write,
} from 'node:fs';
import { statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { SystemPath } from '../platform/job-files.ts';
import { type Attributes, applyEach, requireSize } from './attributes.ts';
import type { DirectoryListing } from './directory-listing.ts';
import { MAX_OFFSET, MAX_OPEN_HANDLES } from './limits.ts';
import { type StatusName, StatusRefusal } from './refusal.ts';
import type { FileKey } from './request-queue.ts';

const openDescriptor: (path: SystemPath, flags: number, mode: number) => Promise<number> = promisify(open);
const closeDescriptor: (descriptor: number) => Promise<void> = promisify(close);
const statDescriptor: (descriptor: number) => Promise<Stats> = promisify(fstat);
/** Exactly: a number of Windows has more digits than a JavaScript number. */
const identifyDescriptor = (descriptor: number): Promise<BigIntStats> =>
  promisify(fstat)(descriptor, { bigint: true });
const syncDescriptor: (descriptor: number) => Promise<void> = promisify(fsync);
const truncateDescriptor: (descriptor: number, size: number) => Promise<void> = promisify(ftruncate);
const chmodDescriptor: (descriptor: number, mode: number) => Promise<void> = promisify(fchmod);
const chownDescriptor: (descriptor: number, uid: number, gid: number) => Promise<void> = promisify(fchown);
/** Times in seconds since the Unix epoch. */
const setTimes: (descriptor: number, access: number, modification: number) => Promise<void> =
  promisify(futimes);

/** Opening a FIFO or a terminal must not hold one of the process's few file threads until somebody comes. */
const ALWAYS_FLAGS = constants.O_NONBLOCK | constants.O_NOCTTY;

const HANDLE_BYTES = 4;
const MAX_HANDLE_NUMBER = 0xffffffff;

export type Handle = OpenFile | DirectoryListing;

/** Opens a file with the system's `flags`, and with `mode` if that makes it; throws the system's error. */
export async function openFile(path: SystemPath, flags: number, mode: number): Promise<OpenFile> {
  const descriptor = await openDescriptor(path, flags | ALWAYS_FLAGS, mode);
  try {
    const { dev, ino } = await identifyDescriptor(descriptor);
    return new OpenFile(descriptor, path, `${dev}:${ino}`, (flags & constants.O_APPEND) !== 0);
  } catch (error) {
    await closeDescriptor(descriptor);
    throw error;
  }
}

/** An open file, without the costs of the FileHandle of node:fs/promises. Every method throws the system's error. */
export class OpenFile {
  readonly kind = 'file';
  readonly path: SystemPath;
  readonly key: FileKey;
  /** Opened with O_APPEND: every write goes to the end, whatever its offset. */
  readonly isForAppending: boolean;
  readonly #descriptor: number;

  constructor(descriptor: number, path: SystemPath, key: FileKey, isForAppending: boolean) {
    this.#descriptor = descriptor;
    this.path = path;
    this.key = key;
    this.isForAppending = isForAppending;
  }

  /**
   * Reads up to `length` bytes from `offset` of the file into `target` at `at`; 0 is the end of the file. Throws a
   * StatusRefusal beyond MAX_OFFSET.
   */
  async read(target: Buffer, at: number, length: number, offset: number): Promise<number> {
    requireOffset(offset);
    return new Promise((resolve, reject) => {
      read(this.#descriptor, target, at, length, offset, (error, count) => {
        if (error) reject(error);
        else resolve(count);
      });
    });
  }

  /** Writes all of `data` at `offset`. Throws a StatusRefusal beyond MAX_OFFSET, and where the system takes no more. */
  async write(data: Buffer, offset: number): Promise<void> {
    if (!this.isForAppending) requireOffset(offset);
    let written = 0;
    while (written < data.length) {
      const count = await this.#write(data, written, this.isForAppending ? null : offset + written);
      if (count === 0) {
        throw new StatusRefusal('FAILURE', `only ${written} of ${data.length} bytes were written`);
      }
      written += count;
    }
  }

  async stat(): Promise<Stats> {
    return statDescriptor(this.#descriptor);
  }

  /** Of the file system it is on. Node has no call for an open file; Linux names it under /proc. */
  async statfs(): Promise<BigIntStatsFs> {
    return statfs(`/proc/self/fd/${this.#descriptor}`, { bigint: true }).catch(() =>
      statfs(this.path, { bigint: true }),
    );
  }

  async sync(): Promise<void> {
    await syncDescriptor(this.#descriptor);
  }

  /** Sets what `attributes` has; throws a StatusRefusal for a size beyond MAX_OFFSET. */
  async set(attributes: Attributes): Promise<void> {
    const descriptor = this.#descriptor;
    await applyEach(attributes, {
      async size(size) {
        requireSize(size);
        await truncateDescriptor(descriptor, size);
      },
      permissions: (mode) => chmodDescriptor(descriptor, mode),
      times: ({ access, modification }) => setTimes(descriptor, access, modification),
      owner: ({ uid, gid }) => chownDescriptor(descriptor, uid, gid),
    });
  }

  async close(): Promise<void> {
    await closeDescriptor(this.#descriptor);
  }

  /** Writes what the system takes at once; `offset` null is where the descriptor itself is, which O_APPEND needs. */
  #write(data: Buffer, from: number, offset: number | null): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.#descriptor, data, from, data.length - from, offset, (error, count) => {
        if (error) reject(error);
        else resolve(count);
      });
    });
  }
}

function requireOffset(offset: number): void {
  if (offset <= MAX_OFFSET) return;
  throw new StatusRefusal(
    'BAD_MESSAGE',
    `offset ${offset} is beyond the largest that is served, ${MAX_OFFSET}`,
  );
}

/** Owns what is open. Numbers are not used again, so a stale handle never means another file. */
export class HandleTable {
  readonly #handles = new Map<number, Handle>();
  #lastNumber = 0;
  /** Opens under way: they count, as several may run at once. */
  #opening = 0;

  /**
   * Opens through `open`, and returns the new handle as the client will send it. Throws a StatusRefusal, before `open` is
   * called, where the connection has MAX_OPEN_HANDLES open.
   */
  async add(open: () => Promise<Handle>): Promise<Buffer> {
    if (this.#handles.size + this.#opening >= MAX_OPEN_HANDLES) {
      throw new StatusRefusal(
        'FAILURE',
        `too many open handles: close some of the ${MAX_OPEN_HANDLES} first`,
      );
    }
    this.#opening += 1;
    try {
      const opened = await open();
      this.#lastNumber = this.#nextNumber();
      this.#handles.set(this.#lastNumber, opened);
      const name = Buffer.allocUnsafe(HANDLE_BYTES);
      name.writeUInt32BE(this.#lastNumber);
      return name;
    } finally {
      this.#opening -= 1;
    }
  }

  findFile(name: Buffer): OpenFile | undefined {
    const found = this.#find(name);
    return found?.kind === 'file' ? found : undefined;
  }

  findDirectory(name: Buffer): DirectoryListing | undefined {
    const found = this.#find(name);
    return found?.kind === 'directory' ? found : undefined;
  }

  /** The open file behind a handle; throws a StatusRefusal with `code` where there is none. */
  file(name: Buffer, code: StatusName = 'FAILURE'): OpenFile {
    const found = this.findFile(name);
    if (found === undefined) throw new StatusRefusal(code, 'the handle is not that of an open file');
    return found;
  }

  /** The open directory behind a handle; throws a StatusRefusal where there is none. */
  directory(name: Buffer): DirectoryListing {
    const found = this.findDirectory(name);
    if (found === undefined) {
      throw new StatusRefusal('FAILURE', 'the handle is not that of an open directory');
    }
    return found;
  }

  /** What is open behind a handle, for messages; empty where nothing is. */
  pathOf(name: Buffer): string {
    return this.#find(name)?.path.toString() ?? '';
  }

  /** Throws a StatusRefusal where nothing is open, and the system's error from closing; the handle is gone either way. */
  async close(name: Buffer): Promise<void> {
    const found = this.#find(name);
    if (found === undefined) throw new StatusRefusal('NO_SUCH_FILE', 'the handle is not open');
    this.#handles.delete(name.readUInt32BE());
    await found.close();
  }

  /** Closes everything, for the end of a connection: nobody is left to hear of an error. */
  async closeAll(): Promise<void> {
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    await Promise.allSettled(handles.map((handle) => handle.close()));
  }

  #find(name: Buffer): Handle | undefined {
    return name.length === HANDLE_BYTES ? this.#handles.get(name.readUInt32BE()) : undefined;
  }

  #nextNumber(): number {
    let number = this.#lastNumber;
    do number = number === MAX_HANDLE_NUMBER ? 1 : number + 1;
    while (this.#handles.has(number));
    return number;
  }
}
