// Another relay of one pod, written from sections 2 to 8 of docs/protocol.md alone.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';

export interface PageRelay extends AsyncDisposable {
  readonly port: number;
  /** Of the messages that agents sent. */
  readonly heard: readonly string[];
}

interface Handshake {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
}

const STATUSES = {
  invalid_id: 400,
  unauthorized: 401,
  agent_not_found: 404,
  not_found: 404,
  id_taken: 409,
  upgrade_required: 426,
  agent_unresponsive: 504,
} as const;

export async function startPageRelay(): Promise<PageRelay> {
  const agents = new Map<string, { claim: string; link: WebSocket }>();
  /** Clients that wait for a stream, by ticket. */
  const waiting = new Map<string, Handshake & { timer: NodeJS.Timeout }>();
  const heard: string[] = [];
  let epoch = 0;
  const endpoint = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    // R-OPEN-3.
    handleProtocols: (offered) =>
      ['converge.agent.v1', 'converge.resume.v1', 'converge.stream.v1'].find((name) => offered.has(name)) ??
      false,
  });
  const accept = ({ request, socket }: Handshake, use: (webSocket: WebSocket) => void) =>
    endpoint.handleUpgrade(request, socket, Buffer.alloc(0), use);
  const refuse = ({ socket }: Handshake, code: keyof typeof STATUSES) => {
    const body = JSON.stringify({ code, message: `the page relay says ${code}` });
    socket.end(
      `HTTP/1.1 ${STATUSES[code]} No\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  };

  const server = createServer((_request, response) => response.writeHead(426).end());
  const connections = new Set<Duplex>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined);
    if (head.length > 0) socket.unshift(head);
    const handshake = { request, socket };
    const url = new URL(request.url ?? '', 'ws://relay');
    const [, role, id = '', word, ticket = ''] = url.pathname.split('/');
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(id)) refuse(handshake, 'invalid_id');
    else if (role === 'agent' && word === undefined) link(handshake, id);
    else if (role === 'agent' && word === 'stream') bring(handshake, ticket);
    else if (role === 'client')
      ask(handshake, id, Date.now() + Number(url.searchParams.get('wait') ?? 0) * 1_000);
    else refuse(handshake, 'not_found');
  });

  // Section 7.
  function link(handshake: Handshake, id: string) {
    const { headers } = handshake.request;
    const claim = String(headers['converge-claim'] ?? '');
    if (headers['sec-websocket-protocol'] !== 'converge.agent.v1')
      return refuse(handshake, 'upgrade_required');
    if (claim.length !== 43) return refuse(handshake, 'unauthorized');
    const older = agents.get(id);
    if (older !== undefined && older.claim !== claim) return refuse(handshake, 'id_taken');
    accept(handshake, (webSocket) => {
      older?.link.close(4409, 'superseded');
      agents.set(id, { claim, link: webSocket });
      epoch += 1;
      const { port } = server.address() as AddressInfo;
      const publicUrl = `http://127.0.0.1:${port}`;
      webSocket.send(JSON.stringify({ type: 'welcome', id, epoch, pod: 'page', publicUrl }));
      webSocket.on('message', (text: Buffer) =>
        heard.push((JSON.parse(text.toString()) as { type: string }).type),
      );
      webSocket.on('error', () => undefined);
      webSocket.on('close', () => {
        if (agents.get(id)?.link === webSocket) agents.delete(id);
      });
    });
  }

  // Section 8.
  function ask(handshake: Handshake, id: string, until: number) {
    const agent = agents.get(id);
    if (agent === undefined) {
      if (Date.now() >= until) return refuse(handshake, 'agent_not_found');
      return void setTimeout(ask, 20, handshake, id, until);
    }
    const ticket = randomBytes(24).toString('base64url');
    const timer = setTimeout(() => {
      waiting.delete(ticket);
      refuse(handshake, 'agent_unresponsive');
    }, 10_000);
    waiting.set(ticket, { ...handshake, timer });
    const resumable = (handshake.request.headers['sec-websocket-protocol'] ?? '').includes(
      'converge.resume.v1',
    );
    agent.link.send(JSON.stringify({ type: 'dial', ticket, client: '192.0.2.7', resumable }));
  }

  function bring(handshake: Handshake, ticket: string) {
    const client = waiting.get(ticket);
    if (client === undefined) return refuse(handshake, 'unauthorized');
    waiting.delete(ticket);
    clearTimeout(client.timer);
    accept(handshake, (agentSocket) => accept(client, (clientSocket) => join(agentSocket, clientSocket)));
  }

  // Section 5.
  function join(one: WebSocket, other: WebSocket) {
    const [left, right] = [createWebSocketStream(one), createWebSocketStream(other)];
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('close', () => to.end());
      from.pipe(to);
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
