// Sends eow@openssh.com when the reader of a channel has gone.
import type { Connection, Session } from 'ssh2';
import { wireString, wireUint32 } from '#shared/ssh/strings.ts';
import { fieldsOf, type SessionFields } from './fields.ts';
import { MESSAGE } from './inbound.ts';
import { sendMessage } from './outbound.ts';

/** Clients that know the request; others may take offence (OpenSSH PROTOCOL section 2.1). */
const OPENSSH = /^SSH-2\.0-OpenSSH/;

/**
 * Notifies an OpenSSH client that what it still sends on the channel goes nowhere, so that it stops reading its own stdin; sshd
 * does so when a write to the program's stdin fails (nchan.c).
 * Upstream: lib/Channel.js has no method for it.
 */
export function sendEndOfWrite(connection: Connection, session: Session): void {
  const { _protocol: protocol } = fieldsOf(connection);
  const { _channel, _chanInfo } = session as unknown as SessionFields;
  const { id, state } = _channel?.outgoing ?? _chanInfo.outgoing;
  if ((state !== 'open' && state !== 'eof') || !OPENSSH.test(protocol._remoteIdentRaw.toString('latin1')))
    return;
  const noReply = Buffer.from([0]);
  sendMessage(
    connection,
    Buffer.concat([
      Buffer.from([MESSAGE.CHANNEL_REQUEST]),
      wireUint32(id),
      wireString('eow@openssh.com'),
      noReply,
    ]),
  );
}
