// Accepting a stream: answers the opening handshake of a WebSocket without messages.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import type { Clock } from '#shared/time/clock.ts';
import { frameStream } from './frame-stream.ts';
import { acceptValueFor } from './handshake.ts';

const SWITCHING_LINES = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n';

export interface AcceptedHandshake {
  readonly request: IncomingMessage;
  /** The connection that the request came on, out of the hands of HTTP. */
  readonly socket: Socket;
  /** What came behind the request and was read already. */
  readonly head: Buffer;
  /** The subprotocol that is chosen, if any. */
  readonly protocol: string | undefined;
  /** More headers of the answer: printable ASCII. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

/** Answers `request` with an upgrade. Undefined if the peer has gone. */
export function streamFromHandshake(handshake: AcceptedHandshake): ByteStream | undefined {
  const { request, socket, head, protocol, headers = {}, clock } = handshake;
  if (socket.destroyed) return undefined;
  const accept = acceptValueFor(request.headers['sec-websocket-key'] ?? '');
  const choice = protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const lines = `${SWITCHING_LINES}Sec-WebSocket-Accept: ${accept}\r\n${choice}${more.join('')}\r\n`;
  socket.write(lines, 'latin1');
  return frameStream({ socket, head, isClient: false, clock });
}
