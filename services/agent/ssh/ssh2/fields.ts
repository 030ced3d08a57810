// The private fields of ssh2 1.17 that this room reads and sets. Nothing outside of this folder may touch them.
import type { Connection, ServerChannel, Session } from 'ssh2';

/** What a decipher does after a payload: go on, go on with another decipher, or stop (Infinity). */
export type DecipherVerdict = number | false | undefined;

export interface SshPacketWriter {
  /** Where the payload begins in what `alloc` gives, and in what it gives when forced. */
  readonly allocStart: number;
  readonly allocStartKEX: number;
  alloc(payloadBytes: number, force?: boolean): Buffer;
  finalize(packet: Buffer, force?: boolean): Buffer;
}

export interface Decipher {
  /** Of the next packet: it is counted on before the payload is handed over. */
  readonly inSeqno: number;
  _onPayload: (payload: Buffer) => DecipherVerdict;
}

/** What the messages of a client lead to; one object per connection, its functions are looked up for every message. */
export interface Handlers {
  SERVICE_REQUEST(protocol: Protocol, service: string): void;
  USERAUTH_REQUEST(
    protocol: Protocol,
    user: string,
    service: string,
    method: string,
    methodData: unknown,
  ): void;
  CHANNEL_REQUEST(
    protocol: Protocol,
    recipient: number,
    type: string,
    wantReply: boolean,
    data: unknown,
  ): void;
}

/** The names of one kind of algorithm: to choose from, and as they are sent. */
interface NameList {
  readonly array: readonly string[];
  readonly buffer: Buffer;
}

/** What is offered in a KEXINIT. */
export interface OfferFields {
  readonly lists: {
    kex: NameList;
    readonly serverHostKey: NameList;
    /** All ten lists, as they are sent. */
    all: Buffer;
  };
  /** Of `all`. */
  totalSize: number;
}

/** A key exchange, from what was agreed on to the new keys. */
export interface ExchangeFields {
  /** For words of faults. */
  type: string;
  readonly negotiated: { kex: string };
  remoteExtInfoEnabled: boolean;
  /** The client's, as it is signed. */
  _remoteKexinit: Buffer;
  /** How the client's public key is written in what is signed. */
  convertPublicKey(key: Buffer): Buffer;
  getPublicKey(): Buffer;
  computeSecret(key: Buffer): Buffer | Error;
}

export interface Protocol {
  readonly _cipher: { encrypt(packet: Buffer): void };
  readonly _decipher: Decipher;
  readonly _handlers: Handlers;
  /** Set while keys are exchanged: what is allocated then has no head, and waits for the new keys. */
  readonly _kexinit: unknown;
  /** The client's identification, without its end of line. */
  readonly _remoteIdentRaw: Buffer;
  /** What waits for the new keys. */
  _queue: Buffer[] | undefined;
  /** The present one, or the last. */
  readonly _kex: ExchangeFields | undefined;
  readonly _offer: OfferFields;
  _skipNextInboundPacket: boolean;
  /** Every decipher after the first is made with it. */
  _onPayload: (payload: Buffer) => DecipherVerdict;
  readonly _packetRW: { readonly write: SshPacketWriter };
  /** Makes it unusable; undefined afterwards. */
  readonly _destruct: ((reason: string) => void) | undefined;
  _onError(error: Error): void;
  serviceAccept(service: string): void;
  channelOpenFail(recipient: number, reason: number, description: string): void;
  channelClose(recipient: number): void;
  channelSuccess(recipient: number): void;
  channelFailure(recipient: number): void;
  channelWindowAdjust(recipient: number, bytes: number): void;
  openssh_authAgent(channel: number, window: number, packetSize: number): void;
}

export type OpenCallback = (error: Error | undefined, channel: ServerChannel) => void;

/** One direction of a channel: the number that its receiver gave it, and what may still be sent on it. */
export interface Direction {
  readonly id: number;
  window: number;
  readonly packetSize: number;
  readonly state: 'open' | 'eof' | 'closing' | 'closed';
}

export interface ChannelFields {
  readonly incoming: Direction;
  readonly outgoing: Direction;
  /** Set while it holds so much that nobody has read that no more should come. */
  readonly _waitChanDrain: boolean | undefined;
  _read(bytes: number): void;
  _chunk: Buffer | undefined;
  _chunkcb: (() => void) | undefined;
  _chunkErr: Buffer | undefined;
  _chunkcbErr: (() => void) | undefined;
}

export interface SessionFields {
  _ending: boolean;
  /** Once a shell, a command or a subsystem runs. */
  readonly _channel: (ServerChannel & ChannelFields) | undefined;
  readonly _chanInfo: { readonly incoming: Direction; readonly outgoing: Direction };
}

/** By our number: a channel, a session channel, what waits for the client's answer, or `true` for what was just asked for. */
export type ChannelEntry = ChannelFields | (Session & SessionFields) | OpenCallback | true;

export interface ConnectionFields {
  readonly _protocol: Protocol;
  readonly _chanMgr: {
    readonly _channels: Readonly<Record<number, ChannelEntry>>;
    add(callback: OpenCallback & { type: string }): number;
    remove(id: number): void;
  };
}

/** The connection's private fields. */
export function fieldsOf(connection: Connection): ConnectionFields {
  return connection as unknown as ConnectionFields;
}

/** The channel or session channel that the client calls by this number, or undefined when there is none. */
export function channelOf(
  connection: Connection,
  id: number,
):
  | { readonly session: (Session & SessionFields) | undefined; readonly channel: ChannelFields | undefined }
  | undefined {
  const entry = fieldsOf(connection)._chanMgr._channels[id];
  if (typeof entry !== 'object') return undefined;
  if ('_chanInfo' in entry) return { session: entry, channel: entry._channel };
  return { session: undefined, channel: entry };
}
