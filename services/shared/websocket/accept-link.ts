// Accepting a link: how ws answers the opening handshake of a control link, and with which limits it reads it.
import { WebSocketServer } from 'ws';
import { BUDGETED_READING } from './link-budget.ts';
import { SOCKET_OPTIONS } from './socket-options.ts';

/** Takes messages of up to `maxMessageBytes`. `choose` picks the subprotocol from what the peer offers. */
export function createLinkEndpoint(
  maxMessageBytes: number,
  choose: (offered: Set<string>) => string | false,
): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    ...SOCKET_OPTIONS,
    ...BUDGETED_READING,
    maxPayload: maxMessageBytes,
    handleProtocols: choose,
  });
}
