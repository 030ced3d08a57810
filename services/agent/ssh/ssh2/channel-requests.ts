// Channel requests in the client's own bytes, and an answer to each that wants one, also while a program runs.
// RFC 4254 sections 5.4 and 6.
//
// Upstream, lib/protocol/handlers.misc.js: CHANNEL_REQUEST reads commands, names and values as UTF-8, and terminal modes from
// the wrong place. lib/server.js: `accept` and `reject` do nothing once the session has its channel, so OpenSSH's
// keepalive@openssh.com and PuTTY's winadj wait for ever; eow@openssh.com is not known.
import type { Connection, Session } from 'ssh2';
import { WireReader, wireString } from '../wire.ts';
import { channelsOf, fieldsOfChannel, fieldsOfSession, protocolOf, type SessionFields } from './fields.ts';
import type { MessageHandler } from './inbound-messages.ts';
import { MESSAGE, sendMessage, wireNumber } from './message.ts';

/** OpenSSH PROTOCOL section 2.1: nobody reads any more what the other side sends on this channel. */
const END_OF_WRITE = 'eow@openssh.com';
const OPENSSH = /^SSH-2\.0-OpenSSH/;

/** What a client may ask of a program that runs; true: it was done. Everything else is refused. */
export interface RunningRequests {
  windowChange(columns: number, rows: number): boolean;
  signal(name: string): boolean;
  readerLeft(): void;
}

/** The requests of the sessions of one connection. */
export class ChannelRequests {
  readonly #connection: Connection;
  readonly #running = new WeakMap<Session, RunningRequests>();
  #body: Buffer = Buffer.alloc(0);

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The fields of the request that ssh2 is emitting right now. */
  get fields(): WireReader {
    return new WireReader(this.#body);
  }

  /** From when a program runs, `requests` has what the client asks of it. */
  setRunning(session: Session, requests: RunningRequests): void {
    this.#running.set(session, requests);
  }

  /** Tells an OpenSSH client, as sshd does, that the program takes no more of what it sends. */
  tellInputClosed(session: Session): void {
    if (!OPENSSH.test(protocolOf(this.#connection)._remoteIdentRaw.toString('latin1'))) return;
    const { outgoing } = fieldsOfSession(session)._chanInfo;
    if (outgoing.state !== 'open' && outgoing.state !== 'eof') return;
    const wantsNoReply = Buffer.of(0);
    const fields = [wireNumber(outgoing.id), wireString(END_OF_WRITE), wantsNoReply];
    sendMessage(this.#connection, Buffer.concat([Buffer.of(MESSAGE.CHANNEL_REQUEST), ...fields]));
  }

  /** The handler of CHANNEL_REQUEST. */
  readonly handle: MessageHandler = (payload, pass) => {
    const reader = new WireReader(payload.subarray(1));
    const recipient = reader.raw(4)?.readUInt32BE(0);
    const type = reader.string()?.toString('latin1');
    const wantsReply = reader.raw(1)?.[0] !== 0;
    const body = reader.rest();
    const entry = recipient === undefined ? undefined : channelsOf(this.#connection)._channels[recipient];
    if (type === undefined || !isSession(entry)) return pass();
    if (fieldsOfSession(entry)._channel === undefined) {
      this.#body = body;
      return pass();
    }
    this.#answer(entry, type, body, wantsReply);
    return undefined;
  };

  #answer(session: Session, type: string, body: Buffer, wantsReply: boolean): void {
    const isDone = this.#ask(this.#running.get(session), type, new WireReader(body));
    const { outgoing } = fieldsOfChannel(fieldsOfSession(session)._channel ?? never());
    // After our CLOSE nothing is sent for the channel, an answer neither.
    if (!wantsReply || (outgoing.state !== 'open' && outgoing.state !== 'eof')) return;
    const protocol = protocolOf(this.#connection);
    if (isDone) protocol.channelSuccess(outgoing.id);
    else protocol.channelFailure(outgoing.id);
  }

  #ask(running: RunningRequests | undefined, type: string, fields: WireReader): boolean {
    switch (type) {
      case 'window-change': {
        const [columns, rows] = [fields.raw(4)?.readUInt32BE(0), fields.raw(4)?.readUInt32BE(0)];
        if (columns === undefined || rows === undefined) return false;
        return running?.windowChange(columns, rows) ?? false;
      }
      case 'signal':
        return running?.signal(fields.string()?.toString('latin1') ?? '') ?? false;
      case END_OF_WRITE:
        running?.readerLeft();
        return true;
      default:
        return false;
    }
  }
}

/** Everything else in the table is a channel, a callback or a place that is kept. */
function isSession(entry: unknown): entry is Session & SessionFields {
  return typeof entry === 'object' && entry !== null && '_chanInfo' in entry;
}

function never(): never {
  throw new Error('a session that runs has no channel');
}
