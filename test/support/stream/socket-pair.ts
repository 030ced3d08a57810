// Two ends of a connection over loopback, and WebSockets of ws on them.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import * as ws from 'ws';
import { acceptValueFor } from '#shared/websocket/handshake.ts';
import { listening } from '../network/ports.ts';

export interface SocketPair {
  /** Paused. */
  readonly near: Socket;
  readonly far: Socket;
}

/** Opens a connection, which is gone when the test has finished. */
export async function openSockets(): Promise<SocketPair> {
  const server = createServer({ pauseOnConnect: true });
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const { port, ...listener } = await listening(server);
  const far = connect({ port, host: '127.0.0.1' });
  const [near] = await accepted;
  far.on('error', () => undefined);
  onTestFinished(async () => {
    near.destroy();
    far.destroy();
    await listener[Symbol.asyncDispose]();
  });
  return { near, far };
}

/** A client of ws on `far`; what answers it on `near` is ours. */
export async function wsClientOver({ near, far }: SocketPair): Promise<ws.WebSocket> {
  const peer = new ws.WebSocket('ws://near/', { createConnection: () => far, perMessageDeflate: false });
  const asked = await readHead(near);
  const [, key = ''] = /^Sec-WebSocket-Key: (.*)\r$/im.exec(asked) ?? [];
  near.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptValueFor(key)}\r\n\r\n`,
  );
  await once(peer, 'open');
  return peer;
}

/** A server of ws on `far`; what asks it on `near` is ours. */
export async function wsServerOver({ near, far }: SocketPair): Promise<ws.WebSocket> {
  const server = new ws.WebSocketServer({ noServer: true, perMessageDeflate: false });
  const headers = {
    upgrade: 'websocket',
    'sec-websocket-key': randomBytes(16).toString('base64'),
    'sec-websocket-version': '13',
  };
  const request = { method: 'GET', url: '/', headers };
  const { promise, resolve } = Promise.withResolvers<ws.WebSocket>();
  server.handleUpgrade(request as never, far, Buffer.alloc(0), resolve);
  await readHead(near);
  return promise;
}

/** Reads the head of a request or an answer, and leaves `socket` paused. */
async function readHead(socket: Socket): Promise<string> {
  let head = '';
  socket.resume();
  while (!head.endsWith('\r\n\r\n')) head += String((await once(socket, 'data'))[0]);
  socket.pause();
  return head;
}
