// The files of a job by SFTP: what a page does with them, as requests.
import { Untrusted } from '#shared/text/untrusted.ts';
import type {
  FileChanges,
  FileFacts,
  FileReadOptions,
  FileWriteOptions,
  Folder,
  FolderEntry,
  PageFiles,
} from '../job/job-files.ts';
import { FileFault } from '../job/job-files.ts';
import type { Channel } from '../ssh/channels/channel.ts';
import type { SshReader } from '../ssh/wire/ssh-reader.ts';
import type { SshWriter } from '../ssh/wire/ssh-writer.ts';
import { closeQuietly, readFile } from './file-reader.ts';
import { writeFile } from './file-writer.ts';
import { asFileFault, faultFrom, SftpChannel } from './sftp-channel.ts';
import { OPEN_FLAGS, readFacts, SFTP_MESSAGES, writeChanges } from './sftp-messages.ts';

/** Of one folder: more than a page can show. */
export const MAX_FOLDER_ENTRIES = 20_000;
/** Of a path that is asked for, and of a name that comes back, in bytes. */
export const MAX_PATH_BYTES = 4_096;
/** Of a handle, in bytes (section 6.2). */
const MAX_HANDLE_BYTES = 256;
/** Of one request to read or to write, in bytes: what every host takes, and what we ask for where it takes more. */
const USUAL_REQUEST_BYTES = 32 * 1024;
const LARGE_REQUEST_BYTES = 128 * 1024;

const LIMITS = 'limits@openssh.com';
const POSIX_RENAME = 'posix-rename@openssh.com';

interface RequestSizes {
  readonly read: number;
  readonly write: number;
}

/** Starts SFTP on a channel whose subsystem runs. Rejects with a FileFault. */
export async function openSftp(channel: Channel): Promise<PageFiles> {
  const sftp = new SftpChannel(channel);
  const extensions = await sftp.start();
  const sizes = extensions.has(LIMITS) ? await asFileFault(() => askSizes(sftp)) : USUAL_SIZES;
  return new SftpFiles(sftp, extensions, sizes);
}

const USUAL_SIZES: RequestSizes = { read: USUAL_REQUEST_BYTES, write: USUAL_REQUEST_BYTES };

/** OpenSSH PROTOCOL 4.8. A limit of 0 says nothing. */
async function askSizes(sftp: SftpChannel): Promise<RequestSizes> {
  const answer = await sftp.ask(SFTP_MESSAGES.extended, (writer) => writer.string(LIMITS));
  if (answer.type !== SFTP_MESSAGES.extendedReply) return USUAL_SIZES;
  const [, read, write] = [0, 0, 0].map(
    () => (answer.reader.uint32() > 0 ? 2 ** 32 : 0) + answer.reader.uint32(),
  );
  return { read: sizeWithin(read), write: sizeWithin(write) };
}

function sizeWithin(limit = 0): number {
  return limit === 0 ? USUAL_REQUEST_BYTES : Math.min(limit, LARGE_REQUEST_BYTES);
}

class SftpFiles implements PageFiles {
  readonly #sftp: SftpChannel;
  readonly #extensions: ReadonlySet<string>;
  readonly #sizes: RequestSizes;

  constructor(sftp: SftpChannel, extensions: ReadonlySet<string>, sizes: RequestSizes) {
    this.#sftp = sftp;
    this.#extensions = extensions;
    this.#sizes = sizes;
  }

  get isOver(): boolean {
    return this.#sftp.isOver;
  }

  async realPath(path: string): Promise<string> {
    return await asFileFault(async () => {
      const reader = await this.#expect(SFTP_MESSAGES.name, SFTP_MESSAGES.realpath, withPath(path));
      if (reader.uint32() !== 1) throw new FileFault('bad_answer', 'more than one path for one');
      return new TextDecoder().decode(reader.string(MAX_PATH_BYTES));
    });
  }

  async list(path: string): Promise<Folder> {
    const handle = await this.#open(SFTP_MESSAGES.opendir, withPath(path));
    const entries: FolderEntry[] = [];
    // What is no entry counts too, or a folder of nothing but `.` would never end.
    let told = 0;
    try {
      for (;;) {
        const reader = await this.#sftp.expect(SFTP_MESSAGES.name, SFTP_MESSAGES.readdir, (writer) =>
          writer.string(handle),
        );
        if (reader === undefined) return { entries, isWhole: true };
        const count = reader.uint32();
        told += Math.max(1, count);
        for (let left = count; left > 0 && entries.length <= MAX_FOLDER_ENTRIES; left -= 1) {
          const entry = readEntry(reader);
          if (entry !== undefined) entries.push(entry);
        }
        if (entries.length > MAX_FOLDER_ENTRIES || told > MAX_FOLDER_ENTRIES + NO_ENTRIES)
          return { entries: entries.slice(0, MAX_FOLDER_ENTRIES), isWhole: false };
      }
    } catch (thrown) {
      throw faultFrom(thrown);
    } finally {
      closeQuietly(this.#sftp, handle);
    }
  }

  async stat(path: string): Promise<FileFacts> {
    return await this.#facts(SFTP_MESSAGES.stat, withPath(path));
  }

  async lstat(path: string): Promise<FileFacts> {
    return await this.#facts(SFTP_MESSAGES.lstat, withPath(path));
  }

  async read(path: string, { from = 0, signal }: FileReadOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const handle = await this.#openFile(path, OPEN_FLAGS.read);
    const asked = this.#facts(SFTP_MESSAGES.fstat, (writer) => writer.string(handle));
    const { size } = await asked.catch((fault: unknown) => {
      closeQuietly(this.#sftp, handle);
      throw fault;
    });
    return readFile({ sftp: this.#sftp, handle, from, size, requestBytes: this.#sizes.read, signal });
  }

  async write(
    path: string,
    { from = 'new', permissions, signal }: FileWriteOptions = {},
  ): Promise<WritableStream<Uint8Array>> {
    const handle = await this.#openFile(path, OPEN_FLAGS.write | makingFlags(from), permissions);
    const start = typeof from === 'number' ? from : 0;
    return writeFile({ sftp: this.#sftp, handle, from: start, requestBytes: this.#sizes.write, signal });
  }

  async change(path: string, changes: FileChanges): Promise<void> {
    await this.#sftp.command(SFTP_MESSAGES.setstat, (writer) =>
      writeChanges(withPath(path)(writer), changes),
    );
  }

  async makeFolder(path: string): Promise<void> {
    await this.#sftp.command(SFTP_MESSAGES.mkdir, (writer) => withPath(path)(writer).uint32(NO_ATTRIBUTES));
  }

  async rename(from: string, to: string): Promise<void> {
    const paths = (writer: SshWriter): SshWriter => withPath(to)(withPath(from)(writer));
    if (this.#extensions.has(POSIX_RENAME)) {
      return await this.#sftp.command(SFTP_MESSAGES.extended, (writer) => paths(writer.string(POSIX_RENAME)));
    }
    await this.#sftp.command(SFTP_MESSAGES.rename, paths);
  }

  async removeFile(path: string): Promise<void> {
    await this.#sftp.command(SFTP_MESSAGES.remove, withPath(path));
  }

  async removeFolder(path: string): Promise<void> {
    await this.#sftp.command(SFTP_MESSAGES.rmdir, withPath(path));
  }

  close(): void {
    this.#sftp.close();
  }

  async #openFile(path: string, flags: number, permissions?: number): Promise<Uint8Array> {
    return await this.#open(SFTP_MESSAGES.open, (writer) => {
      withPath(path)(writer).uint32(flags);
      return permissions === undefined
        ? writer.uint32(NO_ATTRIBUTES)
        : writeChanges(writer, { kind: 'permissions', permissions });
    });
  }

  async #facts(type: number, body: (writer: SshWriter) => SshWriter): Promise<FileFacts> {
    return await asFileFault(async () => readFacts(await this.#expect(SFTP_MESSAGES.attrs, type, body)));
  }

  async #open(type: number, body: (writer: SshWriter) => SshWriter): Promise<Uint8Array> {
    return await asFileFault(async () => {
      const reader = await this.#expect(SFTP_MESSAGES.handle, type, body);
      return Uint8Array.from(reader.string(MAX_HANDLE_BYTES));
    });
  }

  async #expect(expected: number, type: number, body: (writer: SshWriter) => SshWriter): Promise<SshReader> {
    const reader = await this.#sftp.expect(expected, type, body);
    if (reader === undefined) throw new FileFault('bad_answer', 'an end where there is none');
    return reader;
  }
}

function makingFlags(from: 'new' | 'fresh' | number): number {
  if (typeof from === 'number') return 0;
  return OPEN_FLAGS.create | (from === 'fresh' ? OPEN_FLAGS.exclusive : OPEN_FLAGS.truncate);
}

/** `.` and `..`. */
const NO_ENTRIES = 2;

/** Flags that say that no attribute follows. */
const NO_ATTRIBUTES = 0;

/** Throws on a path that no host has. */
function withPath(path: string): (writer: SshWriter) => SshWriter {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length === 0 || bytes.length > MAX_PATH_BYTES || bytes.includes(0)) {
    throw new FileFault('no_such_file', 'this is no path of a file');
  }
  return (writer) => writer.string(bytes);
}

/** Undefined for what is no entry: `.` and `..`, and names that would lead somewhere else. */
function readEntry(reader: SshReader): FolderEntry | undefined {
  const bytes = reader.string(MAX_PATH_BYTES);
  reader.string();
  const facts = readFacts(reader);
  const name = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) return undefined;
  return { name: new Untrusted(name), isReachable: isUtf8(bytes), ...facts };
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
