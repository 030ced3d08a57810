// An SFTP connection: takes packets from one channel, has them carried out, and ends with everything closed.
import type { Duplex } from 'node:stream';
import { type JobFiles, PathError } from '../platform/job-files.ts';
import { Accounts } from './accounts.ts';
import { fileRequestName } from './file-request-name.ts';
import { HandleTable } from './handles.ts';
import { BufferPool, FieldReader, PacketReader } from './packet-reader.ts';
import { isSystemError, refusalFrom, StatusRefusal } from './refusal.ts';
import { ReplyOutlet, refusalReply, type Transport } from './replies.ts';
import {
  NOTHING,
  type ParseRequest,
  type RequestContext,
  type SftpRequest,
  type SftpTraffic,
} from './request.ts';
import { RequestQueue } from './request-queue.ts';
import { DIRECTORY_REQUESTS } from './requests/directory-requests.ts';
import { EXTENDED_REQUESTS, versionReply } from './requests/extended-requests.ts';
import { FILE_REQUESTS } from './requests/file-requests.ts';
import { PATH_REQUESTS } from './requests/path-requests.ts';
import { PacketType, SFTP_VERSION } from './wire.ts';

/** Every request but INIT, by the type of its packet. */
const REQUESTS: ReadonlyMap<number, ParseRequest> = new Map([
  ...FILE_REQUESTS,
  ...DIRECTORY_REQUESTS,
  ...PATH_REQUESTS,
  ...EXTENDED_REQUESTS,
]);

/** Type byte and request id: what must be there for a reply to be possible. */
const SHORTEST_REQUEST_BYTES = 5;

/** Why a connection ended. The log has these words. */
export type SftpEnd =
  /** The client finished its side; all it had asked for was done and answered. */
  | 'client-left'
  /** The channel was closed or failed; what had not begun was dropped. */
  | 'channel-closed'
  /** The client does not speak SFTP: an impossible length, a packet without an id, a request before INIT. */
  | 'protocol-fault'
  | 'stopped';

export interface SftpOptions {
  readonly files: JobFiles;
  /** Where relative paths start; absolute, as the system has it. */
  readonly cwd: string;
  /** What `~` stands for in expand-path and home-directory. */
  readonly home: string;
  /** Where it is not the channel alone that says when there is too much to send. */
  readonly transport?: Transport;
  /** Called for every request, and while a long one goes on. */
  onActivity(): void;
  /** Called for requests that name a file or folder to open, list or change, before they are carried out. */
  readonly onFile?: ((request: string, path: string) => void) | undefined;
  /** Notified of start and end (with counts), and of faults of this program; never of contents. */
  log?(event: string, fields: Record<string, unknown>): void;
}

export interface SftpService {
  /**
   * Settles when the connection is over and every handle is closed; never rejects. One turn later the channel is ended
   * from this side, so that its owner can send an exit status first.
   */
  readonly done: Promise<SftpEnd>;
  /** So far. */
  readonly traffic: Readonly<SftpTraffic>;
  /** Drops what has not begun and ends; may be called twice. */
  stop(): void;
}

/**
 * Serves version 3 with OpenSSH's extensions to the client of `channel`, until either side ends: the file system as this
 * process sees it, with its user and its umask. Limits are in limits.ts. Protocol: draft-ietf-secsh-filexfer-02, and
 * section 4 of OpenSSH's PROTOCOL.
 */
export function serveSftp(channel: Duplex, options: SftpOptions): SftpService {
  const connection = new SftpConnection(channel, options);
  connection.start();
  const done = connection.done.then((end) => {
    setImmediate(() => {
      if (!channel.writableEnded) channel.end();
    });
    return end;
  });
  return { done, traffic: connection.traffic, stop: () => connection.stop() };
}

type State =
  /** Nothing but INIT may come. */
  | { readonly kind: 'greeting' }
  | { readonly kind: 'serving' }
  /** Input is over; what was asked is still done. */
  | { readonly kind: 'finishing' }
  /** Nothing is begun or answered any more; requests at work are waited for. */
  | { readonly kind: 'ended'; readonly end: SftpEnd }
  /** Every handle is closed, or about to be. */
  | { readonly kind: 'closed' };

class SftpConnection {
  readonly #channel: Duplex;
  readonly #options: SftpOptions;
  readonly #context: RequestContext;
  readonly #reader: PacketReader;
  readonly #queue: RequestQueue;
  readonly #outlet: ReplyOutlet;
  readonly #done = Promise.withResolvers<SftpEnd>();
  #state: State = { kind: 'greeting' };
  #requests = 0;

  constructor(channel: Duplex, options: SftpOptions) {
    const pool = new BufferPool();
    this.#channel = channel;
    this.#options = options;
    this.#context = {
      files: options.files,
      cwd: options.files.shown(options.cwd),
      home: options.files.shown(options.home),
      handles: new HandleTable(),
      pool,
      accounts: new Accounts(),
      traffic: { bytesRead: 0, bytesWritten: 0 },
      isOver: () => this.#isOver,
      onActivity: () => options.onActivity(),
    };
    this.#reader = new PacketReader(pool);
    this.#outlet = new ReplyOutlet(channel, options.transport, pool, () => this.#advance());
    this.#queue = new RequestQueue({
      mayStart: () => this.#outlet.hasRoom(),
      reply: (packet) => this.#reply(packet),
      onProgress: () => this.#advance(),
    });
  }

  get traffic(): Readonly<SftpTraffic> {
    return this.#context.traffic;
  }

  /** Settles when nothing is at work any more and every handle is closed; never rejects. */
  get done(): Promise<SftpEnd> {
    return this.#done.promise;
  }

  start(): void {
    this.#channel
      .on('data', this.#onData)
      .once('end', () => this.#finish())
      .once('close', () => this.#end('channel-closed'))
      // Stays for good: a late error of a channel that is of no more interest must not end the process.
      .on('error', () => this.#end('channel-closed'));
  }

  stop(): void {
    this.#end('stopped');
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#reader.push(chunk);
    this.#advance();
  };

  /** Does what has become possible: starts requests, takes packets while there is room, notices the end. */
  #advance(): void {
    if (this.#isOver) {
      this.#closeWhenStill();
      return;
    }
    this.#queue.start();
    while (!this.#queue.isFull) {
      const outcome = this.#reader.next();
      if (outcome.kind === 'incomplete') {
        this.#awaitInput();
        return;
      }
      if (outcome.kind === 'bad_length') this.#end('protocol-fault');
      else this.#take(outcome.packet);
      if (this.#isOver) return;
    }
    this.#channel.pause();
  }

  #awaitInput(): void {
    if (this.#state.kind !== 'finishing') this.#channel.resume();
    else if (this.#queue.isIdle) this.#end('client-left');
  }

  #take(packet: Buffer): void {
    const isInit = packet[0] === PacketType.INIT;
    if (packet.length < SHORTEST_REQUEST_BYTES || (this.#state.kind === 'greeting' && !isInit)) {
      this.#end('protocol-fault');
      return;
    }
    const fields = new FieldReader(packet);
    const type = fields.u8();
    const id = fields.u32();
    if (isInit) this.#greet(packet, id);
    else this.#serve(packet, type, id, fields);
  }

  /** In the place of an id, INIT has the client's version. */
  #greet(packet: Buffer, clientVersion: number): void {
    this.#options.log?.('sftp session started', { clientVersion });
    if (this.#state.kind === 'greeting') this.#state = { kind: 'serving' };
    this.#enqueue(packet, 0, {
      subject: () => '',
      footprint: () => NOTHING,
      run: async () => versionReply(),
    });
  }

  #serve(packet: Buffer, type: number, id: number, fields: FieldReader): void {
    this.#requests += 1;
    this.#options.onActivity();
    const request = this.#requestFrom(type, id, fields);
    const { onFile } = this.#options;
    const name = onFile === undefined ? undefined : fileRequestName(packet);
    if (name !== undefined) onFile?.(name, request.subject());
    this.#enqueue(packet, id, request);
  }

  /** Malformed and unknown requests too wait their turn, so that a client which reads no replies cannot pile them up. */
  #requestFrom(type: number, id: number, fields: FieldReader): SftpRequest {
    try {
      const parse = REQUESTS.get(type);
      if (parse === undefined) {
        throw new StatusRefusal('OP_UNSUPPORTED', `no request of type ${type} in version ${SFTP_VERSION}`);
      }
      return parse(id, fields, this.#context);
    } catch (error) {
      return { subject: () => '', footprint: () => NOTHING, run: () => Promise.reject(error) };
    }
  }

  #enqueue(packet: Buffer, id: number, request: SftpRequest): void {
    this.#queue.push({
      bytes: packet.length,
      footprint: () => request.footprint(),
      run: async () => {
        const reply = await request.run().catch((error: unknown) => this.#refuse(id, error, request));
        this.#context.pool.give(packet);
        return reply;
      },
    });
  }

  #refuse(id: number, error: unknown, request: SftpRequest): Buffer {
    const isExpected = error instanceof StatusRefusal || error instanceof PathError || isSystemError(error);
    if (!isExpected) this.#options.log?.('sftp request failed', { error: String(error) });
    return refusalReply(id, refusalFrom(error, request.subject()));
  }

  #reply(packet: Buffer): void {
    if (!this.#isOver) this.#outlet.send(packet);
  }

  get #isOver(): boolean {
    return this.#state.kind === 'ended' || this.#state.kind === 'closed';
  }

  /** The input is over. */
  #finish(): void {
    if (this.#isOver) return;
    this.#state = { kind: 'finishing' };
    this.#advance();
  }

  #end(end: SftpEnd): void {
    if (this.#isOver) return;
    this.#state = { kind: 'ended', end };
    this.#queue.clear();
    // What still comes is let through unread, or a channel would never get to its end.
    this.#channel.off('data', this.#onData).resume();
    this.#closeWhenStill();
  }

  #closeWhenStill(): void {
    if (this.#state.kind !== 'ended' || !this.#queue.isStill) return;
    const { end } = this.#state;
    const { handles, traffic } = this.#context;
    this.#state = { kind: 'closed' };
    void handles.closeAll().then(() => {
      this.#options.log?.('sftp session ended', { end, requests: this.#requests, ...traffic });
      this.#done.resolve(end);
    });
  }
}
