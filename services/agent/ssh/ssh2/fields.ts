// The private fields of ssh2 1.17 that this room reads and changes, typed once. Nothing outside the room may touch them.
import type { Connection, ServerChannel, Session } from 'ssh2';

export interface PacketWriter {
  /** Where the payload begins in what `alloc` gives. */
  readonly allocStart: number;
  alloc(payloadBytes: number, force?: boolean): Buffer;
  finalize(packet: Buffer): Buffer;
}

/** Gives each payload, decrypted, to `_onPayload`; what that returns must be passed on. */
export type PayloadSink = (payload: Buffer) => unknown;

/** lib/protocol/Protocol.js. */
export interface Protocol {
  readonly _cipher: { encrypt(packet: Buffer): void };
  readonly _decipher: { _onPayload: PayloadSink; readonly inSeqno: number };
  /** What every decipher is made with that comes after a key exchange. */
  _onPayload: PayloadSink;
  /** Set while keys are exchanged: what is allocated then has no head, and waits in `_queue` for the new keys. */
  readonly _kexinit: unknown;
  _queue: Buffer[] | undefined;
  _skipNextInboundPacket: boolean;
  readonly _kex: { remoteExtInfoEnabled: boolean } | undefined;
  readonly _offer: { readonly lists: { readonly kex: NameList; readonly serverHostKey: NameList } };
  readonly _remoteIdentRaw: Buffer;
  readonly _packetRW: { readonly write: PacketWriter };
  serviceAccept(service: string): void;
  channelOpenFail(recipient: number, reason: number, description: string): void;
  channelWindowAdjust(recipient: number, bytes: number): void;
  channelSuccess(recipient: number): void;
  channelFailure(recipient: number): void;
  channelClose(recipient: number): void;
  openssh_authAgent(channel: number, window: number, packetSize: number): void;
}

interface NameList {
  readonly array: readonly string[];
}

export interface ChannelEnd {
  readonly id: number;
  readonly state: string;
}

/** lib/Channel.js. */
export interface ChannelFields {
  readonly _client: Connection;
  readonly outgoing: ChannelEnd;
  _chunk: Buffer | undefined;
  _chunkcb: (() => void) | undefined;
  _chunkErr: Buffer | undefined;
  _chunkcbErr: (() => void) | undefined;
}

/** The session class of lib/server.js; its channel is there once a shell, a command or a subsystem was accepted. */
export interface SessionFields {
  _ending: boolean;
  readonly _channel: ServerChannel | undefined;
  readonly _chanInfo: { readonly incoming: ChannelEnd; readonly outgoing: ChannelEnd };
}

export type OpenCallback = (error: Error | undefined, channel: ServerChannel) => void;

/** lib/utils.js: what stands for each channel, by our number of it. */
interface ChannelTable {
  readonly _channels: Readonly<Record<string, unknown>>;
  add(callback: OpenCallback & { type: string }): number;
  remove(id: number): void;
}

interface ConnectionFields {
  readonly _protocol: Protocol;
  readonly _chanMgr: ChannelTable;
}

export function protocolOf(connection: Connection): Protocol {
  return (connection as unknown as ConnectionFields)._protocol;
}

export function channelsOf(connection: Connection): ChannelTable {
  return (connection as unknown as ConnectionFields)._chanMgr;
}

export function fieldsOfChannel(channel: ServerChannel): ChannelFields {
  return channel as unknown as ChannelFields;
}

export function fieldsOfSession(session: Session): SessionFields {
  return session as unknown as SessionFields;
}
