// A channel to the client's ssh-agent.
import type { Connection } from 'ssh2';
import { fieldsOf, type OpenCallback } from './fields.ts';
import { CLIENT_WINDOW_BYTES } from './window-adjust.ts';

/** lib/Channel.js. */
const PACKET_BYTES = 32 * 1024;

/**
 * Opens a channel to the client's ssh-agent (OpenSSH PROTOCOL.agent: `auth-agent@openssh.com`).
 * Upstream: lib/server.js has a public method for every channel type that a server opens except this one.
 */
export function openAgentChannel(connection: Connection, callback: OpenCallback): void {
  const { _protocol, _chanMgr } = fieldsOf(connection);
  const opened = Object.assign(((error, channel) => callback(error, channel)) as OpenCallback, {
    type: 'auth-agent@openssh.com',
  });
  _protocol.openssh_authAgent(_chanMgr.add(opened), CLIENT_WINDOW_BYTES, PACKET_BYTES);
}
