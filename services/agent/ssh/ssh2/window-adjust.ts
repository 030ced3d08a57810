// No WINDOW_ADJUST after CLOSE (RFC 4254 section 5.3: after CLOSE nothing is sent for a channel).
//
// Upstream: windowAdjust in lib/Channel.js stops in state `closed` only, which comes with the client's CLOSE. What a program
// has not read when it ends is then still granted, and Go's x/crypto, asyncssh and sshj give up the whole connection.
import type { Connection } from 'ssh2';
import { type ChannelEnd, channelsOf, protocolOf } from './fields.ts';

export function adjustOpenWindowsOnly(connection: Connection): void {
  const protocol = protocolOf(connection);
  const adjust = protocol.channelWindowAdjust.bind(protocol);
  protocol.channelWindowAdjust = (recipient, bytes) => {
    // One in a million bytes or so: looking through all channels is cheap enough.
    const state = stateOf(connection, recipient);
    if (state === 'open' || state === 'eof') adjust(recipient, bytes);
  };
}

/** Of the way to the client, by the client's number of the channel. */
function stateOf(connection: Connection, recipient: number): string | undefined {
  for (const entry of Object.values(channelsOf(connection)._channels)) {
    // Others stand for channels that are not open yet.
    if (typeof entry !== 'object' || entry === null) continue;
    const { _chanInfo, outgoing = _chanInfo?.outgoing } = entry as {
      readonly _chanInfo?: { readonly outgoing: ChannelEnd };
      readonly outgoing?: ChannelEnd;
    };
    if (outgoing?.id === recipient) return outgoing.state;
  }
  return undefined;
}
