// The ends of a session: requests after the client's EOF, and the close of one in which nothing ran.
//
// Upstream, lib/server.js: CHANNEL_EOF must not set `_ending`, and CHANNEL_CLOSE must answer with CLOSE whether a channel was
// made or not.
import type { Connection, Session } from 'ssh2';
import { channelsOf, fieldsOfSession, protocolOf } from './fields.ts';

/** After the client's EOF ssh2 refuses every request of a session; but resizing and signals go on after it. */
export function keepRequestsAfterEof(session: Session): void {
  session.on('eof', () => {
    fieldsOfSession(session)._ending = false;
  });
}

/** ssh2 does not answer the close of a session whose shell or command was refused, so both ends would keep its channel. */
export function closeUnstarted(connection: Connection, session: Session): void {
  const { _channel, _chanInfo } = fieldsOfSession(session);
  if (_channel !== undefined) return;
  protocolOf(connection).channelClose(_chanInfo.outgoing.id);
  channelsOf(connection).remove(_chanInfo.incoming.id);
}
