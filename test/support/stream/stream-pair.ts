// A byte stream over loopback: `near` is the stream under test, `far` is a peer that speaks ws.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type ClientOptions, WebSocket } from 'ws';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import type { Clock } from '#shared/time/clock.ts';
import { frameStream } from '#shared/websocket/frame-stream.ts';
import { acceptValueFor } from '#shared/websocket/handshake.ts';
import type { PeerReading } from '#shared/websocket/pace.ts';

export interface NearEnd {
  readonly stream: ByteStream;
  readonly transport: Socket;
  /** What was written and the kernel has not taken, in bytes. */
  readonly buffered: () => number;
}

export interface StreamPair extends AsyncDisposable {
  readonly near: NearEnd;
  /** Paused. */
  readonly far: WebSocket;
  readonly farTransport: Socket;
}

/** Opens a pair. */
export async function openPair(
  clock: Clock,
  far: ClientOptions = {},
  reading: PeerReading = 'paced',
): Promise<StreamPair> {
  const http = createServer();
  const accepted = Promise.withResolvers<NearEnd>();
  http.on('upgrade', (request, duplex, head: Buffer) => {
    const transport = duplex as Socket;
    const accept = acceptValueFor(request.headers['sec-websocket-key'] ?? '');
    transport.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    const stream = frameStream({ socket: transport, head, isClient: false, reading, clock });
    accepted.resolve({ stream, transport, buffered: () => transport.writableLength });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const farSocket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false, ...far });
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
    far: farSocket,
    farTransport,
    [Symbol.asyncDispose]: async () => {
      near.transport.destroy();
      farSocket.terminate();
      http.close();
      await once(http, 'close');
    },
  };
}
