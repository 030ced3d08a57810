// Sends no WINDOW_ADJUST on a channel that this side has closed.
import type { Connection } from 'ssh2';
import { channelOf, fieldsOf } from './fields.ts';

/**
 * Sends no WINDOW_ADJUST after CLOSE (RFC 4254 section 5.3: whoever has sent it sends nothing more on the channel). Go's
 * x/crypto, asyncssh and sshj end the whole connection over it, as they have forgotten the channel.
 * Upstream: lib/Channel.js, windowAdjust would have to stop in state `closing` too, not only in `closed`.
 */
export function adjustOpenWindowsOnly(connection: Connection): void {
  const { _protocol: protocol, _chanMgr } = fieldsOf(connection);
  const adjust = protocol.channelWindowAdjust.bind(protocol);
  // Once per MiB and channel, so looking for it costs nothing.
  protocol.channelWindowAdjust = (recipient, bytes) => {
    for (const id of Object.keys(_chanMgr._channels)) {
      const outgoing = channelOf(connection, Number(id))?.channel?.outgoing;
      if (outgoing?.id !== recipient) continue;
      if (outgoing.state === 'open' || outgoing.state === 'eof') adjust(recipient, bytes);
      return;
    }
  };
}
