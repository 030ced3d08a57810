// What ssh2 1.17 has no public method for. Everything here touches its private fields; nothing else may.
import type { Connection, RejectConnection, ServerChannel, Session } from 'ssh2';

/** RFC 4254 section 5.1. */
export const OPEN_FAILURE = {
  ADMINISTRATIVELY_PROHIBITED: 1,
  CONNECT_FAILED: 2,
  RESOURCE_SHORTAGE: 4,
} as const;

interface Protocol {
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
