// The channel to the client's ssh-agent (OpenSSH PROTOCOL.agent).
//
// Upstream: lib/server.js has a public method for every channel type that a server opens except this one.
import type { Connection } from 'ssh2';
import { channelsOf, type OpenCallback, protocolOf } from './fields.ts';

/** lib/Channel.js. */
const WINDOW_BYTES = 2 * 1024 * 1024;
const PACKET_BYTES = 32 * 1024;

/** Opens a channel of type `auth-agent@openssh.com`; the message itself is there in ssh2. */
export function openAgentChannel(connection: Connection, callback: OpenCallback): void {
  const opened = Object.assign(((error, channel) => callback(error, channel)) as OpenCallback, {
    type: 'auth-agent@openssh.com',
  });
  protocolOf(connection).openssh_authAgent(channelsOf(connection).add(opened), WINDOW_BYTES, PACKET_BYTES);
}
