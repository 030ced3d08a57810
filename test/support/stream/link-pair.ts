// Both ends of a control link over loopback, as ws has them, before anybody takes charge of either.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { MAX_CONTROL_BYTES } from '#shared/protocol/control-messages.ts';
import { dialLink } from '#shared/websocket/dial-link.ts';
import { BUDGETED_READING } from '#shared/websocket/link-budget.ts';

export interface LinkEnd {
  readonly socket: WebSocket;
  readonly transport: Socket;
}

export interface LinkPair {
  readonly server: LinkEnd;
  /** Paused. */
  readonly client: LinkEnd;
}

/** Opens a pair, which is gone when the test has finished. */
export async function openLinkPair(): Promise<LinkPair> {
  const server = http.createServer();
  const endpoint = new WebSocketServer({
    noServer: true,
    ...BUDGETED_READING,
    maxPayload: MAX_CONTROL_BYTES,
  });
  const accepted = Promise.withResolvers<LinkEnd>();
  server.on('upgrade', (request, duplex, head) => {
    endpoint.handleUpgrade(request, duplex, head, (socket) => {
      accepted.resolve({ socket, transport: duplex as Socket });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const outcome = await dialLink(new URL(`ws://127.0.0.1:${port}/`), {
    protocols: [],
    timeoutMs: 10_000,
    maxMessageBytes: MAX_CONTROL_BYTES,
    isBudgeted: true,
  });
  if (outcome.kind !== 'open') throw new Error(outcome.kind);
  const ends = { server: await accepted.promise, client: outcome };
  onTestFinished(() => {
    ends.client.socket.terminate();
    ends.server.socket.terminate();
    server.close();
  });
  return ends;
}
