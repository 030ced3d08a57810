// A channel (RFC 4254 section 5): bytes both ways at the pace of both readers, requests, and how its program ended.
//
// Received bytes wait here until somebody reads them, and the host gets room for more only then: what waits is never more
// than CHANNEL_WINDOW_BYTES. Sent bytes wait at the caller until the host has room and the line is not full.
import type { SshTransport } from '../transport/ssh-transport.ts';
import { MESSAGES } from '../wire/messages.ts';
import { SshFault } from '../wire/ssh-fault.ts';
import type { SshReader } from '../wire/ssh-reader.ts';
import { SshWriter } from '../wire/ssh-writer.ts';
import type { ChannelPiece, ProgramEnd } from './channel-piece.ts';
import { PieceQueue } from './piece-queue.ts';

/** What the host may send before somebody reads, in bytes. */
export const CHANNEL_WINDOW_BYTES = 2 * 1024 * 1024;
/** The most data in one packet, either way, in bytes. */
export const CHANNEL_PACKET_BYTES = 32 * 1024;
/** Room is given back in steps of this many bytes: each costs a message. */
const ADJUST_EVERY_BYTES = CHANNEL_WINDOW_BYTES / 4;
/** RFC 4254 section 5.2: no window is larger. */
const MAX_WINDOW_BYTES = 2 ** 32 - 1;
/** RFC 4254 section 5.2, SSH_EXTENDED_DATA_STDERR. */
const STDERR = 1;
/** Requests of ours that wait for their answer. */
const MAX_PENDING_REQUESTS = 256;

export interface ChannelEnds {
  readonly localId: number;
  readonly remoteId: number;
  /** What the host takes now, and in one packet. */
  readonly windowBytes: number;
  readonly packetBytes: number;
}

/** What each end has said about its end. */
interface Said {
  eof: boolean;
  close: boolean;
}

export class Channel {
  readonly #transport: SshTransport;
  readonly #ends: ChannelEnds;
  readonly #forget: () => void;
  readonly #window: number;
  readonly #we: Said = { eof: false, close: false };
  readonly #host: Said = { eof: false, close: false };
  #fault: SshFault | undefined;
  readonly #pieces = new PieceQueue();
  /** Of our window: what the host may still send, and what was read since it was last told. */
  #room: number;
  #readBytes = 0;
  #hostRoom: number;
  #end: ProgramEnd = { kind: 'lost' };
  readonly #requests: PromiseWithResolvers<boolean>[] = [];
  readonly #closed = Promise.withResolvers<void>();
  #wakeReader: (() => void) | undefined;
  readonly #wakeWriters: (() => void)[] = [];

  constructor(
    transport: SshTransport,
    ends: ChannelEnds,
    forget: () => void,
    windowBytes = CHANNEL_WINDOW_BYTES,
  ) {
    this.#transport = transport;
    this.#ends = ends;
    this.#forget = forget;
    this.#window = windowBytes;
    this.#room = windowBytes;
    this.#hostRoom = ends.windowBytes;
  }

  /** How its program ended, as far as the host has said. */
  get programEnd(): ProgramEnd {
    return this.#end;
  }

  /** Resolves when the host has closed it too, or the connection is gone. Never rejects. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Bytes that wait for a reader. */
  get waitingBytes(): number {
    return this.#window - this.#room - this.#readBytes;
  }

  /** The next piece; undefined at the end. One reader at a time. Rejects if the connection is lost first. */
  async read(): Promise<ChannelPiece | undefined> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#taken(piece.bytes.length);
        return piece;
      }
      if (this.#host.eof || this.#host.close || this.#we.close) return undefined;
      if (this.#fault !== undefined) throw this.#fault;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  /** Resolves when all of it is on its way. Rejects if nobody will take it. One writer at a time. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      this.#mayWrite();
      if (!this.#transport.isReady) await this.#transport.ready();
      this.#mayWrite();
      const count = Math.min(bytes.length - at, this.#hostRoom, this.#ends.packetBytes, CHANNEL_PACKET_BYTES);
      if (count === 0) {
        await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
        continue;
      }
      this.#hostRoom -= count;
      this.#send(MESSAGES.channelData, (writer) => writer.string(bytes.subarray(at, at + count)));
      at += count;
    }
  }

  /** Says that nothing more will be written. May be called twice. */
  sendEof(): void {
    if (this.#we.eof || this.#we.close || this.#fault !== undefined) return;
    this.#we.eof = true;
    this.#send(MESSAGES.channelEof, (writer) => writer);
  }

  /** Ends the channel, both ways; what waits is thrown away. May be called twice. */
  close(): void {
    this.#pieces.clear();
    this.#sendClose();
    this.#wake();
  }

  /** Asks for something and waits for the answer. Rejects if the connection is lost. */
  async request(name: string, body: (writer: SshWriter) => SshWriter): Promise<boolean> {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#we.close || this.#host.close) return false;
    if (this.#requests.length >= MAX_PENDING_REQUESTS)
      throw new SshFault('too_big', 'too many requests at once');
    this.#send(MESSAGES.channelRequest, (writer) => body(writer.string(name).boolean(true)));
    const answer = Promise.withResolvers<boolean>();
    this.#requests.push(answer);
    return await answer.promise;
  }

  /** Asks for something without an answer. */
  notify(name: string, body: (writer: SshWriter) => SshWriter): void {
    if (this.#we.close || this.#host.close || this.#fault !== undefined) return;
    this.#send(MESSAGES.channelRequest, (writer) => body(writer.string(name).boolean(false)));
  }

  // ── what the host sends ──

  /** A message for this channel, read up to its id. Throws a fault on one that has no business here. */
  receive(message: number, reader: SshReader): void {
    if (this.#host.close)
      throw new SshFault('out_of_place', `message ${message} on a channel that was closed`);
    switch (message) {
      case MESSAGES.channelWindowAdjust:
        return this.#adjusted(reader.uint32());
      case MESSAGES.channelData:
        return this.#received('stdout', reader.string());
      case MESSAGES.channelExtendedData: {
        const type = reader.uint32();
        return this.#received(type === STDERR ? 'stderr' : undefined, reader.string());
      }
      case MESSAGES.channelEof:
        this.#host.eof = true;
        return this.#wake();
      case MESSAGES.channelClose:
        return this.#hostClosed();
      case MESSAGES.channelRequest:
        return this.#requested(reader);
      case MESSAGES.channelSuccess:
      case MESSAGES.channelFailure:
        return this.#answered(message === MESSAGES.channelSuccess);
      default:
        throw new SshFault('out_of_place', `message ${message} on a channel`);
    }
  }

  /** The connection is gone: what waits can still be read. */
  lose(fault: SshFault): void {
    this.#fault ??= fault;
    this.#wake();
    this.#closed.resolve();
  }

  #adjusted(bytes: number): void {
    this.#hostRoom += bytes;
    if (this.#hostRoom > MAX_WINDOW_BYTES) throw new SshFault('too_big', 'a window over 2^32 bytes');
    this.#wakeAllWriters();
  }

  #received(from: ChannelPiece['from'] | undefined, bytes: Uint8Array): void {
    if (this.#host.eof) throw new SshFault('out_of_place', 'data after the end of a channel');
    if (bytes.length > this.#room) throw new SshFault('too_big', 'more data than a channel has room for');
    this.#room -= bytes.length;
    if (this.#we.close || from === undefined || bytes.length === 0) return this.#taken(bytes.length);
    this.#pieces.push({ from, bytes });
    this.#wakeReader?.();
  }

  #taken(count: number): void {
    this.#readBytes += count;
    const step = Math.min(ADJUST_EVERY_BYTES, Math.ceil(this.#window / 4));
    if (this.#readBytes < step || this.#we.close || this.#host.eof || this.#host.close) return;
    const bytes = this.#readBytes;
    this.#room += bytes;
    this.#readBytes = 0;
    this.#send(MESSAGES.channelWindowAdjust, (writer) => writer.uint32(bytes));
  }

  #hostClosed(): void {
    this.#host.close = true;
    this.#sendClose();
    this.#wake();
    this.#forget();
    this.#closed.resolve();
  }

  #requested(reader: SshReader): void {
    const name = reader.name();
    const wantsAnswer = reader.boolean();
    if (name === 'exit-status') this.#end = { kind: 'exited', exitCode: reader.uint32() };
    if (name === 'exit-signal') this.#end = { kind: 'killed', signal: reader.name() };
    if (wantsAnswer && !this.#we.close) this.#send(MESSAGES.channelFailure, (writer) => writer);
  }

  #answered(isDone: boolean): void {
    const waiting = this.#requests.shift();
    if (waiting === undefined) throw new SshFault('out_of_place', 'an answer to a request that nobody made');
    waiting.resolve(isDone);
  }

  #sendClose(): void {
    if (this.#we.close || this.#fault !== undefined) return;
    this.#we.close = true;
    this.#send(MESSAGES.channelClose, (writer) => writer);
  }

  #send(message: number, body: (writer: SshWriter) => SshWriter): void {
    this.#transport.send(body(new SshWriter(message).uint32(this.#ends.remoteId)).bytes());
  }

  #mayWrite(): void {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#we.eof || this.#we.close || this.#host.close)
      throw new SshFault('closed', 'the channel is closed');
  }

  #wake(): void {
    this.#wakeReader?.();
    this.#wakeAllWriters();
    if (this.#fault !== undefined) for (const { reject } of this.#requests.splice(0)) reject(this.#fault);
    if (this.#host.close) for (const { resolve } of this.#requests.splice(0)) resolve(false);
  }

  #wakeAllWriters(): void {
    for (const resolve of this.#wakeWriters.splice(0)) resolve();
  }
}
