// The SFTP channel: requests with ids, many at once, and the answer of each.
import { joinBytes, readUint32 } from '#shared/stream/byte-chunk.ts';
import { FileFault } from '../job/job-files.ts';
import type { Channel } from '../ssh/channels/channel.ts';
import { SshReader } from '../ssh/wire/ssh-reader.ts';
import { SshWriter } from '../ssh/wire/ssh-writer.ts';
import { faultCodeOf, SFTP_MESSAGES, SPOKEN_SFTP_VERSION, STATUS_EOF, STATUS_OK } from './sftp-messages.ts';

/** Of one message of the host, in bytes: OpenSSH's own limit. */
export const MAX_SFTP_ANSWER_BYTES = 256 * 1024;
/** Of all requests on this channel that wait for an answer. */
export const MAX_SFTP_REQUESTS = 1_024;
/** Of what the host says of a fault, in bytes. */
const MAX_STATUS_TEXT_BYTES = 1_024;
/** Extensions that a host may announce. */
const MAX_EXTENSIONS = 64;

const LENGTH_BYTES = 4;
/** Type and id. */
const HEAD_BYTES = 5;

/** An answer, its reader behind the id. */
export interface SftpAnswer {
  readonly type: number;
  readonly reader: SshReader;
}

export class SftpChannel {
  readonly #channel: Channel;
  readonly #requests = new Map<number, PromiseWithResolvers<SftpAnswer>>();
  readonly #version = Promise.withResolvers<ReadonlySet<string>>();
  #nextId = 0;
  #fault: FileFault | undefined;
  /** Ends when the last request so far is on its way: a channel has one writer at a time. */
  #written: Promise<void> = Promise.resolve();

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** True once nothing can be asked any more. */
  get isOver(): boolean {
    return this.#fault !== undefined;
  }

  /** Starts, and gives the names of the host's extensions. Rejects with a FileFault. Called once. */
  async start(): Promise<ReadonlySet<string>> {
    this.#write(new SshWriter(SFTP_MESSAGES.init).uint32(SPOKEN_SFTP_VERSION));
    this.#receive().then(
      () => this.#fail(new FileFault('closed', 'the job has closed the channel of its files')),
      (thrown: unknown) => this.#fail(faultFrom(thrown)),
    );
    return await this.#version.promise;
  }

  /** Sends a request and waits for its answer, whatever that is. Rejects with a FileFault. */
  async ask(type: number, body: (writer: SshWriter) => SshWriter): Promise<SftpAnswer> {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#requests.size >= MAX_SFTP_REQUESTS) throw new FileFault('failure', 'too many requests at once');
    const id = this.#nextId;
    this.#nextId = (id + 1) % 2 ** 32;
    const waiting = Promise.withResolvers<SftpAnswer>();
    this.#requests.set(id, waiting);
    this.#write(body(new SshWriter(type).uint32(id)));
    return await waiting.promise;
  }

  /** As `ask`, where only an answer of type `expected` will do: a status is thrown, an end of file gives undefined. */
  async expect(
    expected: number,
    type: number,
    body: (writer: SshWriter) => SshWriter,
  ): Promise<SshReader | undefined> {
    const answer = await this.ask(type, body);
    if (answer.type === expected) return answer.reader;
    if (answer.type !== SFTP_MESSAGES.status) throw this.#broken(`an answer of type ${answer.type}`);
    const code = answer.reader.uint32();
    if (code === STATUS_EOF) return undefined;
    if (code === STATUS_OK) throw this.#broken('a yes that says nothing');
    throw statusFault(code, answer.reader);
  }

  /** As `ask`, where the answer is a status. */
  async command(type: number, body: (writer: SshWriter) => SshWriter): Promise<void> {
    const answer = await this.ask(type, body);
    if (answer.type !== SFTP_MESSAGES.status) throw this.#broken(`an answer of type ${answer.type}`);
    const code = answer.reader.uint32();
    if (code !== STATUS_OK) throw statusFault(code, answer.reader);
  }

  close(): void {
    this.#channel.close();
    this.#fail(new FileFault('ended', 'the files were closed'));
  }

  #write(message: SshWriter): void {
    const bytes = message.bytes();
    const packet = new SshWriter().string(bytes).bytes();
    // A channel that takes nothing more has an end, and that is read: only there it is told whose doing it was.
    this.#written = this.#written.then(() => this.#channel.write(packet)).catch(() => undefined);
  }

  async #receive(): Promise<void> {
    let waiting = new Uint8Array(0);
    for (let piece = await this.#channel.read(); piece !== undefined; piece = await this.#channel.read()) {
      if (piece.from !== 'stdout') continue;
      waiting =
        waiting.length === 0 ? (piece.bytes as Uint8Array<ArrayBuffer>) : joinBytes([waiting, piece.bytes]);
      let at = 0;
      while (waiting.length - at >= LENGTH_BYTES) {
        const length = readUint32(waiting, at);
        if (length > MAX_SFTP_ANSWER_BYTES || length < HEAD_BYTES)
          throw this.#broken(`a message of ${length} bytes`);
        const end = at + LENGTH_BYTES + length;
        if (end > waiting.length) break;
        this.#answered(waiting.subarray(at + LENGTH_BYTES, end));
        at = end;
      }
      waiting = waiting.subarray(at);
    }
  }

  #answered(message: Uint8Array): void {
    const reader = new SshReader(message);
    const type = reader.byte();
    if (type === SFTP_MESSAGES.version) return this.#versioned(reader);
    const id = reader.uint32();
    const waiting = this.#requests.get(id);
    if (waiting === undefined) throw this.#broken('an answer to nothing');
    this.#requests.delete(id);
    waiting.resolve({ type, reader });
  }

  #versioned(reader: SshReader): void {
    const version = reader.uint32();
    if (version < SPOKEN_SFTP_VERSION) throw this.#broken(`version ${version} of SFTP`);
    const names = new Set<string>();
    while (reader.left > 0) {
      if (names.size >= MAX_EXTENSIONS) throw this.#broken('too many extensions');
      names.add(reader.name());
      reader.string();
    }
    this.#version.resolve(names);
  }

  #broken(what: string): FileFault {
    return new FileFault('bad_answer', `the job's file server broke the protocol: ${what}`);
  }

  #fail(fault: FileFault): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    this.#channel.close();
    this.#version.reject(fault);
    for (const { reject } of this.#requests.values()) reject(fault);
    this.#requests.clear();
  }
}

function statusFault(code: number, reader: SshReader): FileFault {
  const said = reader.left > 0 ? reader.text(MAX_STATUS_TEXT_BYTES) : undefined;
  const faultCode = faultCodeOf(code);
  const words = said === undefined || said.is('') ? faultCode.replaceAll('_', ' ') : said.printable();
  return new FileFault(faultCode, words, said);
}

/** Whatever goes wrong within, as a fault of files: an answer that cannot be read is a bad one. */
export async function asFileFault<Result>(doing: () => Promise<Result>): Promise<Result> {
  try {
    return await doing();
  } catch (thrown) {
    throw faultFrom(thrown);
  }
}

/** Also of what is wrong with the connection below. */
export function faultFrom(thrown: unknown): FileFault {
  if (thrown instanceof FileFault) return thrown;
  const isOurs = thrown instanceof Error && 'code' in thrown;
  const code = isOurs && (thrown.code === 'malformed' || thrown.code === 'too_big') ? 'bad_answer' : 'ended';
  return new FileFault(code, thrown instanceof Error ? thrown.message : String(thrown));
}
