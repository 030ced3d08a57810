// An SFTP session: takes packets from one channel, has them carried out in order, and ends with everything closed.

import type { Duplex } from 'node:stream';
import { Accounts } from './accounts.ts';
import { BufferPool } from './buffer-pool.ts';
import { HandleTable } from './handles.ts';
import { NOTHING, type Operation, type OperationContext } from './operation.ts';
import { PacketReader } from './packet-reader.ts';
import { isSystemError, refusalFrom, StatusRefusal } from './refusal.ts';
import { refusalReply } from './replies.ts';
import { ReplyOutlet, type Transport } from './reply-outlet.ts';
import { RequestQueue } from './request-queue.ts';
import { ANNOUNCED_EXTENSIONS } from './requests/extended-requests.ts';
import { REQUESTS } from './requests/request-table.ts';
import { FieldReader, PacketType, SFTP_VERSION, SftpPacketWriter } from './wire.ts';

/** Why a session ended. */
export type SftpEnd =
  /** The client finished its side; all it had asked for was done and answered. */
  | 'client-left'
  /** The channel was closed or failed; what had not begun was dropped. */
  | 'channel-closed'
  /** The client does not speak SFTP: an impossible length, a packet without an id, a request before INIT. */
  | 'protocol-fault'
  | 'stopped';

export interface SftpOptions {
  /** Where relative paths start; absolute. */
  cwd: string;
  /** What `~` stands for in expand-path and home-directory. */
  home: string;
  /** Where it is not the channel alone that says when there is too much to send. */
  transport?: Transport;
  /** Called for every request, and while a long one goes on. */
  onActivity(): void;
  /** Told of start and end (with counts), and of faults of this program; never of contents. */
  log?(event: string, fields: Record<string, unknown>): void;
}

type Phase =
  /** Nothing but INIT may come. */
  | { kind: 'greeting' }
  | { kind: 'serving' }
  /** Input is over; what was asked is still done. */
  | { kind: 'finishing' }
  /** Nothing is begun or answered any more; requests at work are waited for. */
  | { kind: 'ended'; end: SftpEnd }
  /** Every handle is closed, or about to be. */
  | { kind: 'closed' };

/** Type byte and request id: what must be there for a reply to be possible. */
const SHORTEST_REQUEST_BYTES = 5;

export class SftpSession {
  readonly #channel: Duplex;
  readonly #options: SftpOptions;
  readonly #pool = new BufferPool();
  readonly #reader = new PacketReader(this.#pool);
  readonly #handles = new HandleTable();
  readonly #traffic = { bytesRead: 0, bytesWritten: 0 };
  readonly #context: OperationContext;
  readonly #outlet: ReplyOutlet;
  readonly #queue: RequestQueue;
  readonly #done = Promise.withResolvers<SftpEnd>();
  #phase: Phase = { kind: 'greeting' };
  #requests = 0;

  constructor(channel: Duplex, options: SftpOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#context = {
      cwd: options.cwd,
      home: options.home,
      handles: this.#handles,
      pool: this.#pool,
      accounts: new Accounts(),
      traffic: this.#traffic,
      isOver: () => this.#isOver(),
      onActivity: () => options.onActivity(),
    };
    this.#outlet = new ReplyOutlet(channel, options.transport, this.#pool, () => this.#advance());
    this.#queue = new RequestQueue({
      mayStart: () => this.#outlet.hasRoom(),
      reply: (packet) => this.#reply(packet),
      onProgress: () => this.#advance(),
    });
  }

  /** Settles when the session has ended, nothing is at work and every handle is closed; never rejects. */
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
    if (this.#isOver()) {
      this.#closeWhenStill();
      return;
    }
    this.#queue.start();
    while (!this.#queue.full) {
      const outcome = this.#reader.next();
      switch (outcome.kind) {
        case 'packet':
          this.#take(outcome.packet);
          break;
        case 'bad-length':
          this.#end('protocol-fault');
          return;
        case 'incomplete':
          this.#awaitInput();
          return;
      }
      if (this.#isOver()) {
        return;
      }
    }
    this.#channel.pause();
  }

  #awaitInput(): void {
    if (this.#phase.kind !== 'finishing') {
      this.#channel.resume();
    } else if (this.#queue.idle) {
      this.#end('client-left');
    }
  }

  /** Input has ended. */
  #finish(): void {
    if (!this.#isOver()) {
      this.#phase = { kind: 'finishing' };
      this.#advance();
    }
  }

  #take(packet: Buffer): void {
    if (packet[0] === PacketType.INIT) {
      this.#greet(packet);
    } else if (this.#phase.kind === 'greeting' || packet.length < SHORTEST_REQUEST_BYTES) {
      this.#end('protocol-fault');
    } else {
      this.#requests += 1;
      this.#options.onActivity();
      const fields = new FieldReader(packet);
      const type = fields.u8();
      const id = fields.u32();
      this.#enqueue(id, packet, this.#operationFrom(type, id, fields));
    }
  }

  #greet(packet: Buffer): void {
    if (packet.length < SHORTEST_REQUEST_BYTES) {
      this.#end('protocol-fault');
      return;
    }
    const version = packet.readUInt32BE(1);
    this.#options.log?.('sftp session started', { clientVersion: version });
    if (this.#phase.kind === 'greeting') {
      this.#phase = { kind: 'serving' };
    }
    this.#enqueue(0, packet, {
      subject: () => '',
      footprint: () => NOTHING,
      run: async () => versionPacket(),
    });
  }

  /** Malformed and unknown requests too wait their turn, so that a client which reads no replies cannot pile them up. */
  #operationFrom(type: number, id: number, fields: FieldReader): Operation {
    try {
      const parse = REQUESTS.get(type);
      if (parse === undefined) {
        throw new StatusRefusal('OP_UNSUPPORTED', `no request of type ${type} in version ${SFTP_VERSION}`);
      }
      return parse(id, fields, this.#context);
    } catch (error) {
      return {
        subject: () => '',
        footprint: () => NOTHING,
        run: () => Promise.reject(error),
      };
    }
  }

  #enqueue(id: number, packet: Buffer, operation: Operation): void {
    this.#queue.push({
      bytes: packet.length,
      footprint: () => operation.footprint(),
      run: async () => {
        const reply = await operation.run().catch((error: unknown) => this.#refuse(id, error, operation));
        this.#pool.give(packet);
        return reply;
      },
    });
  }

  #reply(packet: Buffer): void {
    if (!this.#isOver()) {
      this.#outlet.send(packet);
    }
  }

  #refuse(id: number, error: unknown, operation: Operation): Buffer {
    if (!(error instanceof StatusRefusal) && !isSystemError(error)) {
      this.#options.log?.('sftp request failed', { error: String(error) });
    }
    return refusalReply(id, refusalFrom(error, operation.subject()));
  }

  #isOver(): boolean {
    return this.#phase.kind === 'ended' || this.#phase.kind === 'closed';
  }

  #end(end: SftpEnd): void {
    if (this.#isOver()) {
      return;
    }
    this.#phase = { kind: 'ended', end };
    this.#queue.clear();
    // What still comes is let through unread, or a channel would never get to its end.
    this.#channel.off('data', this.#onData).resume();
    this.#closeWhenStill();
  }

  #closeWhenStill(): void {
    if (this.#phase.kind !== 'ended' || !this.#queue.still) {
      return;
    }
    const { end } = this.#phase;
    this.#phase = { kind: 'closed' };
    void this.#handles.closeAll().then(() => {
      this.#options.log?.('sftp session ended', { end, requests: this.#requests, ...this.#traffic });
      this.#done.resolve(end);
    });
  }
}

function versionPacket(): Buffer {
  const packet = new SftpPacketWriter(PacketType.VERSION).u32(SFTP_VERSION);
  for (const [name, version] of ANNOUNCED_EXTENSIONS) {
    packet.string(name).string(version);
  }
  return packet.finish();
}
