// Two ends of one WebSocket over loopback: `near` is the one under test, `far` is the peer.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws';

export interface WebSocketEnd {
  readonly socket: WebSocket;
  readonly transport: Socket;
}

export interface WebSocketPair extends AsyncDisposable {
  readonly near: WebSocketEnd;
  readonly far: WebSocketEnd;
}

export interface PairOptions {
  /** The largest message that the near end takes, in bytes. */
  readonly maxPayload?: number;
  readonly far?: ClientOptions;
}

/** Opens a pair. Both ends are paused. */
export async function openPair(options: PairOptions = {}): Promise<WebSocketPair> {
  const http = createServer();
  const server = new WebSocketServer({
    server: http,
    perMessageDeflate: false,
    ...(options.maxPayload === undefined ? {} : { maxPayload: options.maxPayload }),
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const accepted = Promise.withResolvers<WebSocketEnd>();
  server.once('connection', (socket, request) => {
    socket.pause();
    accepted.resolve({ socket, transport: request.socket });
  });
  const { port } = http.address() as AddressInfo;
  const farSocket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false, ...options.far });
  let farTransport: Socket | undefined;
  farSocket.on('upgrade', (response) => {
    farTransport = response.socket;
  });
  farSocket.on('error', () => undefined);
  farSocket.on('open', () => {
    farSocket.pause();
  });
  const near = await accepted.promise;
  if (farSocket.readyState !== farSocket.OPEN) await once(farSocket, 'open');
  if (farTransport === undefined) throw new Error('a WebSocket opened without an upgrade');
  return {
    near,
    far: { socket: farSocket, transport: farTransport },
    [Symbol.asyncDispose]: async () => {
      near.socket.terminate();
      farSocket.terminate();
      server.close();
      http.close();
      await once(http, 'close');
    },
  };
}
