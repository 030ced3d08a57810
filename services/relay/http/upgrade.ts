// Upgrades: sends WebSocket handshakes through fastify's router, so that a refusal is an ordinary HTTP reply.
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type WebSocket, WebSocketServer } from 'ws';
import { SOCKET_OPTIONS } from '#shared/stream/web-socket-stream.ts';

/** A peer that is refused and does not close its side is cut after this time, in milliseconds. */
const LINGER_AFTER_REFUSAL_MS = 5_000;

/** A handshake that has not been answered yet. */
interface Handshake {
  readonly socket: Socket;
  readonly head: Buffer;
  readonly response: ServerResponse;
}

const handshakes = new WeakMap<IncomingMessage, Handshake>();

/** Only WebSocket upgrades are ours; a request that offers another protocol (h2c) is served as the HTTP/1.1 it is. */
export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket';
}

/** Lets `app` route the upgrades that reach its server. */
export function routeUpgrades(app: FastifyInstance): void {
  app.server.on('upgrade', (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
    // Node's HTTP servers hand over a net.Socket or a tls.TLSSocket.
    const socket = duplex as Socket;
    socket.on('error', () => {
      socket.destroy();
    });
    const response = new ServerResponse(request);
    response.assignSocket(socket);
    response.shouldKeepAlive = false;
    response.on('finish', () => {
      socket.end();
      socket.setTimeout(LINGER_AFTER_REFUSAL_MS, () => socket.destroy());
      socket.resume();
    });
    handshakes.set(request, { socket, head, response });
    app.routing(request, response);
  });
}

/** The socket below a handshake; undefined for a request that asked for no upgrade. */
export function handshakeSocket(request: FastifyRequest): Socket | undefined {
  return handshakes.get(request.raw)?.socket;
}

/** A WebSocket endpoint with its limits. `choose` picks the subprotocol from what the peer offers. */
export function createEndpoint(
  maxMessageBytes: number,
  choose: (offered: Set<string>) => string | false,
): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    ...SOCKET_OPTIONS,
    maxPayload: maxMessageBytes,
    handleProtocols: choose,
  });
}

/**
 * Accepts the handshake of `request`. `use` runs in the same tick as the upgrade, so nothing that the peer sends is
 * missed; it does not run if the peer has gone or its handshake is malformed (ws then answers 400 itself).
 */
export function acceptUpgrade(
  request: FastifyRequest,
  reply: FastifyReply,
  endpoint: WebSocketServer,
  use: (socket: WebSocket, transport: Socket) => void,
  early: Buffer = EMPTY,
): void {
  const handshake = handshakes.get(request.raw);
  if (handshake === undefined) throw new Error('acceptUpgrade on a request without a handshake');
  const { socket, head, response } = handshake;
  handshakes.delete(request.raw);
  reply.hijack();
  response.detachSocket(socket);
  const first = early.length === 0 ? head : Buffer.concat([head, early]);
  endpoint.handleUpgrade(request.raw, socket, first, (webSocket) => {
    use(webSocket, socket);
  });
}

const EMPTY = Buffer.alloc(0);
