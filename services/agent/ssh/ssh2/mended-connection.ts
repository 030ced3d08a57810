// A connection of ssh2 with all of its mends that begin with it; the others are called where they are needed.
import type { Connection } from 'ssh2';
import { refuseEmptyPackets, takeEmptyPacketsAsOne } from './channel-open.ts';
import { ChannelRequests } from './channel-requests.ts';
import { watchInbound } from './inbound-messages.ts';
import { followKeyExchanges } from './key-exchange.ts';
import { acceptLoginServiceAgain } from './login.ts';
import { MESSAGE, sendMessage, wireNumber } from './message.ts';
import { adjustOpenWindowsOnly } from './window-adjust.ts';

/**
 * To be called when ssh2 emits `connection`. `onKeyExchange` is called when one begins; `handshake` tells that it is over.
 * A message of no known type is answered with UNIMPLEMENTED, as it must be (RFC 4253 section 11.4; upstream: onPayload in
 * lib/protocol/Protocol.js says nothing).
 */
export function mendConnection(connection: Connection, onKeyExchange: () => void): ChannelRequests {
  const requests = new ChannelRequests(connection);
  const handlers = [
    [MESSAGE.KEXINIT, followKeyExchanges(connection, onKeyExchange)],
    [MESSAGE.SERVICE_REQUEST, acceptLoginServiceAgain(connection)],
    [MESSAGE.CHANNEL_OPEN, refuseEmptyPackets(connection)],
    [MESSAGE.CHANNEL_OPEN_CONFIRMATION, takeEmptyPacketsAsOne],
    [MESSAGE.CHANNEL_REQUEST, requests.handle],
  ] as const;
  watchInbound(connection, new Map(handlers), (_payload, number) => {
    sendMessage(connection, Buffer.concat([Buffer.of(MESSAGE.UNIMPLEMENTED), wireNumber(number())]));
  });
  adjustOpenWindowsOnly(connection);
  return requests;
}
