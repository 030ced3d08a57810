// A bare SFTP client for tests: sends any request byte by byte and returns replies as they came. Shares no code with the server.
import type { Readable, Writable } from 'node:stream';

export interface WireAttributes {
  readonly size?: number;
  readonly owner?: readonly [uid: number, gid: number];
  readonly mode?: number;
  readonly times?: readonly [access: number, modification: number];
}

export type Reply =
  | { readonly kind: 'status'; readonly code: number; readonly message: string }
  | { readonly kind: 'handle'; readonly handle: Buffer }
  | { readonly kind: 'data'; readonly data: Buffer }
  | { readonly kind: 'name'; readonly names: readonly ListedName[] }
  | { readonly kind: 'attributes'; readonly attributes: WireAttributes }
  | { readonly kind: 'extended'; readonly fields: Buffer };

interface ListedName {
  readonly name: Buffer;
  readonly longName: Buffer;
  readonly attributes: WireAttributes;
}

/** Packet types, as draft-ietf-secsh-filexfer-02 section 3 has them. */
export const T = {
  OPEN: 3,
  CLOSE: 4,
  READ: 5,
  WRITE: 6,
  LSTAT: 7,
  FSTAT: 8,
  SETSTAT: 9,
  FSETSTAT: 10,
  OPENDIR: 11,
  READDIR: 12,
  REMOVE: 13,
  MKDIR: 14,
  RMDIR: 15,
  REALPATH: 16,
  STAT: 17,
  RENAME: 18,
  READLINK: 19,
  SYMLINK: 20,
  EXTENDED: 200,
} as const;

export const FLAG = { READ: 1, WRITE: 2, APPEND: 4, CREAT: 8, TRUNC: 16, EXCL: 32 } as const;

export const STATUS = {
  OK: 0,
  EOF: 1,
  NO_SUCH_FILE: 2,
  PERMISSION_DENIED: 3,
  FAILURE: 4,
  BAD_MESSAGE: 5,
  OP_UNSUPPORTED: 8,
} as const;

function u8(value: number): Buffer {
  return Buffer.from([value]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

export function str(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u32(bytes.length), bytes]);
}

export function attrs({ size, owner, mode, times }: WireAttributes = {}): Buffer {
  return Buffer.concat([
    u32((size === undefined ? 0 : 1) | (owner ? 2 : 0) | (mode === undefined ? 0 : 4) | (times ? 8 : 0)),
    ...(size === undefined ? [] : [u64(size)]),
    ...(owner?.map(u32) ?? []),
    ...(mode === undefined ? [] : [u32(mode)]),
    ...(times?.map(u32) ?? []),
  ]);
}

/** A packet with its length in front. */
export function packet(type: number, ...fields: Buffer[]): Buffer {
  return str(Buffer.concat([u8(type), ...fields]));
}

export class SftpClient {
  readonly #output: Writable;
  readonly #waiting = new Map<number, PromiseWithResolvers<Reply>>();
  readonly #version = Promise.withResolvers<[name: string, version: string][]>();
  readonly #ended = Promise.withResolvers<void>();
  /** Ids in the order in which replies came. */
  readonly answered: number[] = [];
  #received = Buffer.alloc(0);
  #lastId = 0;

  constructor(input: Readable, output: Writable) {
    this.#output = output;
    output.on('error', () => {});
    input.on('data', (chunk: Buffer) => this.#receive(chunk));
    for (const event of ['end', 'close', 'error']) input.once(event, () => this.#fail());
    this.#version.promise.catch(() => {});
  }

  /** Settles when the server has ended its side. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Sends INIT; resolves to the extensions announced. */
  async init(): Promise<[name: string, version: string][]> {
    this.sendRaw(packet(1, u32(3)));
    return this.#version.promise;
  }

  sendRaw(bytes: Buffer): void {
    this.#output.write(bytes);
  }

  end(): void {
    this.#output.end();
  }

  /** Sends a request without waiting for earlier ones. */
  async request(type: number, ...fields: Buffer[]): Promise<Reply> {
    this.#lastId += 1;
    const waiting = Promise.withResolvers<Reply>();
    this.#waiting.set(this.#lastId, waiting);
    this.sendRaw(packet(type, u32(this.#lastId), ...fields));
    return waiting.promise;
  }

  async extended(name: string, ...fields: Buffer[]): Promise<Reply> {
    return this.request(T.EXTENDED, str(name), ...fields);
  }

  /** OPEN, for what must succeed. */
  async open(path: string | Buffer, flags: number, attributes: WireAttributes = {}): Promise<Buffer> {
    return handleOf(await this.request(T.OPEN, str(path), u32(flags), attrs(attributes)));
  }

  async opendir(path: string | Buffer): Promise<Buffer> {
    return handleOf(await this.request(T.OPENDIR, str(path)));
  }

  async read(handle: Buffer, offset: number | bigint, length: number): Promise<Reply> {
    return this.request(T.READ, str(handle), u64(offset), u32(length));
  }

  async write(handle: Buffer, offset: number | bigint, data: string | Buffer): Promise<Reply> {
    return this.request(T.WRITE, str(handle), u64(offset), str(data));
  }

  async close(handle: Buffer): Promise<Reply> {
    return this.request(T.CLOSE, str(handle));
  }

  /** Every entry of a directory. */
  async list(path: string | Buffer): Promise<(Reply & { kind: 'name' })['names']> {
    const handle = await this.opendir(path);
    const entries = [];
    for (;;) {
      const reply = await this.request(T.READDIR, str(handle));
      if (reply.kind !== 'name') {
        await this.close(handle);
        return entries;
      }
      entries.push(...reply.names);
    }
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 4) {
      const length = this.#received.readUInt32BE(0);
      if (this.#received.length < 4 + length) return;
      this.#take(this.#received.subarray(4, 4 + length));
      this.#received = this.#received.subarray(4 + length);
    }
  }

  #take(bytes: Buffer): void {
    const fields = new Fields(bytes);
    const type = fields.u8();
    if (type === 2) {
      fields.u32();
      const extensions: [string, string][] = [];
      while (fields.more) extensions.push([fields.str().toString(), fields.str().toString()]);
      this.#version.resolve(extensions);
      return;
    }
    const id = fields.u32();
    this.answered.push(id);
    this.#waiting.get(id)?.resolve(replyFrom(type, fields));
    this.#waiting.delete(id);
  }

  #fail(): void {
    const error = new Error('the server ended the channel');
    this.#version.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#ended.resolve();
  }
}

function handleOf(reply: Reply): Buffer {
  if (reply.kind !== 'handle') throw new Error(`expected a handle: ${JSON.stringify(reply)}`);
  return reply.handle;
}

/** The 64-bit numbers of an EXTENDED_REPLY. */
export function numbersOf(reply: Reply): number[] {
  if (reply.kind !== 'extended') throw new Error(`expected an extended reply: ${JSON.stringify(reply)}`);
  const { fields } = reply;
  return Array.from({ length: fields.length / 8 }, (_, index) => Number(fields.readBigUInt64BE(index * 8)));
}

class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  u8(): number {
    this.#at += 1;
    return this.#bytes.readUInt8(this.#at - 1);
  }

  u32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  u64(): number {
    return this.u32() * 2 ** 32 + this.u32();
  }

  str(): Buffer {
    const length = this.u32();
    this.#at += length;
    return Buffer.from(this.#bytes.subarray(this.#at - length, this.#at));
  }

  rest(): Buffer {
    return Buffer.from(this.#bytes.subarray(this.#at));
  }

  attributes(): WireAttributes {
    const flags = this.u32();
    return {
      ...(flags & 1 ? { size: this.u64() } : {}),
      ...(flags & 2 ? { owner: [this.u32(), this.u32()] } : {}),
      ...(flags & 4 ? { mode: this.u32() } : {}),
      ...(flags & 8 ? { times: [this.u32(), this.u32()] } : {}),
    };
  }
}

function replyFrom(type: number, fields: Fields): Reply {
  switch (type) {
    case 101:
      return { kind: 'status', code: fields.u32(), message: fields.str().toString() };
    case 102:
      return { kind: 'handle', handle: fields.str() };
    case 103:
      return { kind: 'data', data: fields.str() };
    case 104: {
      const count = fields.u32();
      const names = Array.from({ length: count }, () => ({
        name: fields.str(),
        longName: fields.str(),
        attributes: fields.attributes(),
      }));
      return { kind: 'name', names };
    }
    case 105:
      return { kind: 'attributes', attributes: fields.attributes() };
    case 201:
      return { kind: 'extended', fields: fields.rest() };
    default:
      throw new Error(`unknown reply type ${type}`);
  }
}
