// The end of a session channel: what still works after the client's EOF, and what must be closed.
import type { Connection, Session } from 'ssh2';
import { fieldsOf, type SessionFields } from './fields.ts';

/**
 * After the client's EOF ssh2 refuses every request of a session channel; but resizing and signals go on after it.
 * Upstream: lib/server.js, CHANNEL_EOF would have to leave `_ending` to CHANNEL_CLOSE.
 */
export function keepRequestsAfterEof(session: Session): void {
  session.on('eof', () => {
    (session as unknown as SessionFields)._ending = false;
  });
}

/**
 * ssh2 does not answer the close of a session channel whose shell or command was refused, so both ends would keep its channel.
 * Upstream: lib/server.js, CHANNEL_CLOSE would have to do this before it returns.
 */
export function closeUnstarted(connection: Connection, session: Session): void {
  const { _channel, _chanInfo } = session as unknown as SessionFields;
  if (_channel !== undefined) return;
  const { _protocol, _chanMgr } = fieldsOf(connection);
  _protocol.channelClose(_chanInfo.outgoing.id);
  _chanMgr.remove(_chanInfo.incoming.id);
}
