// The connection (RFC 4254): opens channels, tells each what is for it, and refuses whatever the host wants of this end.
import type { Untrusted } from '#shared/text/untrusted.ts';
import type { SshTransport, UpperLayer } from '../transport/ssh-transport.ts';
import { MESSAGES } from '../wire/messages.ts';
import { SshFault } from '../wire/ssh-fault.ts';
import { SshReader } from '../wire/ssh-reader.ts';
import { SshWriter } from '../wire/ssh-writer.ts';
import { CHANNEL_PACKET_BYTES, CHANNEL_WINDOW_BYTES, Channel } from './channel.ts';

/** Open, and being opened. */
export const MAX_CHANNELS = 64;
/** Of the host's reason for a no, in bytes. */
const MAX_REASON_BYTES = 1_024;
/** Answers of the host to a question whether it lives, which are on their way. */
export const MAX_UNANSWERED = 64;
/** RFC 4254 section 5.1. */
const ADMINISTRATIVELY_PROHIBITED = 1;

export type OpenedChannel =
  | { readonly kind: 'open'; readonly channel: Channel }
  | { readonly kind: 'refused'; readonly reason: Untrusted };

export interface ClientConnectionOptions {
  readonly transport: SshTransport;
  readonly onOver: (fault: SshFault) => void;
  /** Of each channel, in bytes; CHANNEL_WINDOW_BYTES by default. */
  readonly windowBytes?: number;
}

export class ClientConnection implements UpperLayer {
  readonly #options: ClientConnectionOptions;
  readonly #channels = new Map<number, Channel>();
  readonly #opening = new Map<number, PromiseWithResolvers<OpenedChannel>>();
  #nextId = 0;
  #fault: SshFault | undefined;
  readonly #questions: PromiseWithResolvers<void>[] = [];

  /** Takes the transport over: somebody has signed in. */
  constructor(options: ClientConnectionOptions) {
    this.#options = options;
  }

  /** Opens a channel of a type, with what that type adds. Rejects with the fault of the connection, or `too_big`. */
  async open(
    type: string,
    more: (writer: SshWriter) => SshWriter = (writer) => writer,
  ): Promise<OpenedChannel> {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#channels.size + this.#opening.size >= MAX_CHANNELS) {
      throw new SshFault('too_big', `more than ${MAX_CHANNELS} channels at once`);
    }
    const id = this.#freeId();
    const opening = Promise.withResolvers<OpenedChannel>();
    this.#opening.set(id, opening);
    const { windowBytes = CHANNEL_WINDOW_BYTES, transport } = this.#options;
    const request = new SshWriter(MESSAGES.channelOpen).string(type).uint32(id).uint32(windowBytes);
    transport.send(more(request.uint32(CHANNEL_PACKET_BYTES)).bytes());
    return await opening.promise;
  }

  /** Resolves when the host answers: it lives. Rejects with the fault of the connection. */
  async ask(): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault;
    const last = this.#questions.at(-1);
    // Its answer is as good as that of one more.
    if (last !== undefined && this.#questions.length >= MAX_UNANSWERED) return await last.promise;
    this.#options.transport.send(
      new SshWriter(MESSAGES.globalRequest).string('keepalive@openssh.com').boolean(true).bytes(),
    );
    const question = Promise.withResolvers<void>();
    this.#questions.push(question);
    await question.promise;
  }

  message(payload: Uint8Array): undefined {
    const message = payload[0] ?? 0;
    const reader = new SshReader(payload, 1);
    switch (message) {
      case MESSAGES.extInfo:
        return;
      case MESSAGES.globalRequest:
        return this.#requested(reader);
      case MESSAGES.requestSuccess:
      case MESSAGES.requestFailure:
        return this.#answered();
      case MESSAGES.channelOpen:
        return this.#refuse(reader);
      case MESSAGES.channelOpenConfirmation:
      case MESSAGES.channelOpenFailure:
        return this.#opened(message, reader);
      case MESSAGES.ping:
        this.#options.transport.send(new SshWriter(MESSAGES.pong).string(reader.string()).bytes());
        return;
      default:
        if (message < MESSAGES.channelWindowAdjust || message > MESSAGES.channelFailure) {
          throw new SshFault('out_of_place', `message ${message}, which nobody expects`);
        }
        this.#channelOf(reader).receive(message, reader);
        return;
    }
  }

  over(fault: SshFault): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    for (const { reject } of this.#opening.values()) reject(fault);
    this.#opening.clear();
    for (const channel of this.#channels.values()) channel.lose(fault);
    this.#channels.clear();
    for (const { reject } of this.#questions.splice(0)) reject(fault);
    this.#options.onOver(fault);
  }

  #freeId(): number {
    while (this.#channels.has(this.#nextId) || this.#opening.has(this.#nextId)) this.#nextId += 1;
    const id = this.#nextId;
    this.#nextId = (this.#nextId + 1) % 2 ** 31;
    return id;
  }

  #opened(message: number, reader: SshReader): undefined {
    const localId = reader.uint32();
    const opening = this.#opening.get(localId);
    if (opening === undefined) throw new SshFault('out_of_place', 'a channel that nobody opened');
    this.#opening.delete(localId);
    if (message === MESSAGES.channelOpenFailure) {
      reader.uint32();
      opening.resolve({ kind: 'refused', reason: reader.text(MAX_REASON_BYTES) });
      return;
    }
    const [remoteId, windowBytes, packetBytes] = [reader.uint32(), reader.uint32(), reader.uint32()];
    if (packetBytes === 0) throw new SshFault('malformed', 'a channel whose packets hold nothing');
    const ends = { localId, remoteId, windowBytes, packetBytes };
    const forget = (): void => void this.#channels.delete(localId);
    const { transport, windowBytes: ours } = this.#options;
    const channel = new Channel(transport, ends, forget, ours);
    this.#channels.set(localId, channel);
    opening.resolve({ kind: 'open', channel });
  }

  #channelOf(reader: SshReader): Channel {
    const channel = this.#channels.get(reader.uint32());
    if (channel === undefined)
      throw new SshFault('out_of_place', 'a message for a channel that there is not');
    return channel;
  }

  #refuse(reader: SshReader): undefined {
    reader.name();
    const no = new SshWriter(MESSAGES.channelOpenFailure).uint32(reader.uint32());
    no.uint32(ADMINISTRATIVELY_PROHIBITED).string('a page opens channels, and takes none').string('');
    this.#options.transport.send(no.bytes());
  }

  /** `hostkeys-00@openssh.com` and whatever else: this end does nothing for a host. */
  #requested(reader: SshReader): undefined {
    reader.name();
    if (reader.boolean()) this.#options.transport.send(new SshWriter(MESSAGES.requestFailure).bytes());
  }

  #answered(): undefined {
    const question = this.#questions.shift();
    if (question === undefined)
      throw new SshFault('out_of_place', 'an answer to a question that nobody asked');
    question.resolve();
  }
}
