// What ssh2 1.17 has no public method for. Everything here touches its private fields; nothing else may.
import type { Connection, RejectConnection, ServerChannel, Session } from 'ssh2';
import { takeRandomBytes } from '#shared/random-pool.ts';
import { allocateRoomy } from '#shared/stream/headroom.ts';

/** RFC 4254 section 5.1. */
export const OPEN_FAILURE = {
  ADMINISTRATIVELY_PROHIBITED: 1,
  CONNECT_FAILED: 2,
  RESOURCE_SHORTAGE: 4,
} as const;

interface PacketWriter {
  /** Where the payload begins in what `alloc` gives. */
  readonly allocStart: number;
  alloc(payloadBytes: number, force?: boolean): Buffer;
}

interface Protocol {
  readonly _cipher: object;
  /** Set while keys are exchanged: what is allocated then has no head, and waits for the new keys. */
  readonly _kexinit: unknown;
  readonly _packetRW: { readonly write: PacketWriter };
  channelOpenFail(recipient: number, reason: number, description: string): void;
  channelClose(recipient: number): void;
  openssh_authAgent(channel: number, window: number, packetSize: number): void;
}

type OpenCallback = (error: Error | undefined, channel: ServerChannel) => void;

interface ConnectionFields {
  readonly _protocol: Protocol;
  readonly _chanMgr: { add(callback: OpenCallback & { type: string }): number; remove(id: number): void };
}

interface ChannelFields {
  _chunk: Buffer | undefined;
  _chunkcb: (() => void) | undefined;
  _chunkErr: Buffer | undefined;
  _chunkcbErr: (() => void) | undefined;
}

interface SessionFields {
  _ending: boolean;
  readonly _channel: ServerChannel | undefined;
  readonly _chanInfo: {
    readonly incoming: { readonly id: number };
    readonly outgoing: { readonly id: number };
  };
}

/**
 * A write that had to wait for window stays in `_chunk` after it was sent, and the next window adjustment while
 * stderr waits sends it again (lib/server.js, CHANNEL_WINDOW_ADJUST). To be called when a write was taken, with no other
 * write of the channel under way.
 */
export function forgetSentChunk(channel: ServerChannel): void {
  const fields = channel as unknown as ChannelFields;
  fields._chunk = undefined;
  fields._chunkcb = undefined;
  fields._chunkErr = undefined;
  fields._chunkcbErr = undefined;
}

/** After the client's EOF ssh2 refuses every request of a session; but resizing and signals go on after it. */
export function keepRequestsAfterEof(session: Session): void {
  session.on('eof', () => {
    (session as unknown as SessionFields)._ending = false;
  });
}

/** ssh2 does not answer the close of a session whose shell or command was refused, so both ends would keep its channel. */
export function closeUnstarted(connection: Connection, session: Session): void {
  const { _channel, _chanInfo } = session as unknown as SessionFields;
  if (_channel !== undefined) return;
  const { _protocol, _chanMgr } = connection as unknown as ConnectionFields;
  _protocol.channelClose(_chanInfo.outgoing.id);
  _chanMgr.remove(_chanInfo.incoming.id);
}

/** Refuses a channel with a reason that `ssh` prints; ssh2's own `reject` always says "connect failed" and nothing. */
export function refuseOpen(
  connection: Connection,
  reject: RejectConnection,
  reason: number,
  description: string,
): void {
  const { _protocol } = connection as unknown as { _protocol: Partial<Protocol> };
  const send = _protocol.channelOpenFail?.bind(_protocol);
  // `reject` calls the protocol synchronously: shadow the method for that one call.
  _protocol.channelOpenFail = (recipient) => {
    send?.(recipient, reason, description);
  };
  try {
    reject();
  } finally {
    delete _protocol.channelOpenFail;
  }
}

/** The length of the packet, and with it that of its padding (RFC 4253 section 6). */
const PACKET_LENGTH_BYTES = 4;
const PACKET_HEAD_BYTES = PACKET_LENGTH_BYTES + 1;
const AES_BLOCK_BYTES = 16;
const PADDING_MIN_BYTES = 4;
const GCM_TAG_BYTES = 16;

/**
 * Makes packets of AES-GCM with headroom, so that a stream puts its head before them instead of copying them, and with
 * padding from the pool: ssh2 asks the generator for every packet, which takes about as long as encrypting a large one. To be
 * called after every key exchange, which brings a new writer. (ssh2 encrypts such a packet where it lies, writes it and forgets
 * it: AESGCMCipherBinding in lib/protocol/crypto.js, whose `allocPacket` this is. Other ciphers go on as they are.)
 */
export function makePacketsRoomy(connection: Connection): void {
  const { _protocol: protocol } = connection as unknown as ConnectionFields;
  if (protocol._cipher.constructor.name !== 'AESGCMCipherBinding') return;
  const writer = protocol._packetRW.write;
  // One that compresses allocates payloads only; algorithms.ts offers none.
  if (writer.allocStart !== PACKET_HEAD_BYTES) return;
  const allocate = writer.alloc.bind(writer);
  writer.alloc = (payloadBytes, force) => {
    const isPayloadOnly = force !== true && protocol._kexinit !== undefined;
    return isPayloadOnly ? allocate(payloadBytes, force) : allocateGcmPacket(payloadBytes);
  };
}

/** A packet but for its payload, with room for its tag. The length is not encrypted, so not padded either (RFC 5647 section 7.2). */
function allocateGcmPacket(payloadBytes: number): Buffer {
  const unpadded = 1 + payloadBytes;
  const short = AES_BLOCK_BYTES - (unpadded % AES_BLOCK_BYTES);
  const padding = short < PADDING_MIN_BYTES ? short + AES_BLOCK_BYTES : short;
  const packet = allocateRoomy(PACKET_LENGTH_BYTES + unpadded + padding + GCM_TAG_BYTES);
  packet.writeUInt32BE(unpadded + padding, 0);
  packet.writeUInt8(padding, PACKET_LENGTH_BYTES);
  takeRandomBytes(padding).copy(packet, PACKET_HEAD_BYTES + payloadBytes);
  return packet;
}

/** lib/Channel.js. */
const WINDOW_BYTES = 2 * 1024 * 1024;
const PACKET_BYTES = 32 * 1024;

/**
 * Opens a channel to the client's ssh-agent (OpenSSH PROTOCOL.agent: `auth-agent@openssh.com`). lib/server.js has a
 * public method for every channel type that a server opens except this one; the message itself is there.
 */
export function openAgentChannel(connection: Connection, callback: OpenCallback): void {
  const { _protocol, _chanMgr } = connection as unknown as ConnectionFields;
  const opened = Object.assign(((error, channel) => callback(error, channel)) as OpenCallback, {
    type: 'auth-agent@openssh.com',
  });
  _protocol.openssh_authAgent(_chanMgr.add(opened), WINDOW_BYTES, PACKET_BYTES);
}
