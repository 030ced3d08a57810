// A relay that lies: a server that answers every upgrade as the test says, with bytes that no honest relay would send.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { ownAddress } from '../network/ports.ts';

export interface Upgrade {
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  /** Takes it, as that subprotocol. */
  readonly accept: (protocol: string) => WebSocket;
  /** Sends these bytes in place of an answer, and hangs up. */
  readonly say: (bytes: string | Buffer) => void;
}

export interface LyingRelay extends AsyncDisposable {
  /** `ws://ADDRESS:PORT`; the address is its own (127/8). */
  readonly url: string;
}

export async function startLyingRelay(answer: (upgrade: Upgrade) => void): Promise<LyingRelay> {
  const server = http.createServer();
  const connections = new Set<Duplex>();
  const upgraded = (request: http.IncomingMessage, socket: Duplex, head: Buffer): void => {
    connections.add(socket);
    socket.on('error', () => undefined);
    answer({
      path: request.url ?? '',
      headers: request.headers,
      accept(protocol) {
        const endpoint = new WebSocketServer({ noServer: true, handleProtocols: () => protocol });
        let accepted: WebSocket | undefined;
        endpoint.handleUpgrade(request, socket, head, (webSocket) => {
          webSocket.on('error', () => undefined);
          accepted = webSocket;
        });
        if (accepted === undefined) throw new Error(`no WebSocket: ${JSON.stringify(request.headers)}`);
        return accepted;
      },
      say(bytes) {
        socket.end(bytes);
      },
    });
  };
  server.on('upgrade', upgraded);
  // As a proxy it is asked for a tunnel.
  server.on('connect', upgraded);
  const address = ownAddress();
  server.listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://${address}:${port}`,
    async [Symbol.asyncDispose]() {
      for (const connection of connections) connection.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** An HTTP answer with a body; `status` is all that follows the version. */
export function httpAnswer(status: string, body: string): Buffer {
  const bytes = Buffer.from(body);
  const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
}
