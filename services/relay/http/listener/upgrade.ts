// Upgrades: sends WebSocket handshakes through fastify's router, so that a refusal is an ordinary HTTP reply.
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { WebSocket, WebSocketServer } from 'ws';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import type { Clock } from '#shared/time/clock.ts';
import { type AcceptedHandshake, streamFromHandshake } from '#shared/websocket/accept-stream.ts';
import { isHandshake } from '#shared/websocket/handshake.ts';

/** A peer that is refused and does not close its side is cut after this time, in milliseconds, whatever it sends. */
export const LINGER_AFTER_REFUSAL_MS = 5_000;

/** A handshake that has not been answered yet. */
interface Handshake {
  readonly socket: Socket;
  readonly response: ServerResponse;
}

const handshakes = new WeakMap<IncomingMessage, Handshake>();

const UPGRADE_PATH_PATTERN = /^\/(?:agent|client|hop)\//;

/**
 * True for a well-formed WebSocket handshake on a path that takes one. Any other request, also one that offers
 * another protocol (h2c), is served as the HTTP/1.1 it is: where only a WebSocket would do, with a 426.
 */
export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  return UPGRADE_PATH_PATTERN.test(request.url ?? '') && isHandshake(request);
}

export interface UpgradeOptions {
  readonly clock: Clock;
  /** A handshake was sent behind a request that is not answered yet; its connection is cut. */
  readonly onPipelined: (socket: Socket) => void;
}

/** Lets `app` route the upgrades that reach its server. */
export function routeUpgrades(app: FastifyInstance, { clock, onPipelined }: UpgradeOptions): void {
  app.server.on('upgrade', (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
    // Node's HTTP servers hand over a net.Socket or a tls.TLSSocket.
    const socket = duplex as Socket;
    socket.on('error', () => {
      socket.destroy();
    });
    const response = new ServerResponse(request);
    try {
      response.assignSocket(socket);
    } catch {
      onPipelined(socket);
      socket.destroy();
      return;
    }
    response.shouldKeepAlive = false;
    response.on('finish', () => {
      socket.end();
      socket.resume();
      const cancel = clock.after(LINGER_AFTER_REFUSAL_MS, () => socket.destroy());
      socket.once('close', cancel);
    });
    // Whoever reads the socket next gets it first: what came early is counted and bounded in one place.
    if (head.length > 0) socket.unshift(head);
    handshakes.set(request, { socket, response });
    app.routing(request, response);
  });
}

/** The socket below a handshake; undefined for a request that asked for no upgrade. */
export function handshakeSocket(request: FastifyRequest): Socket | undefined {
  return handshakes.get(request.raw)?.socket;
}

/**
 * Accepts the handshake of `request`. `use` runs before this returns, in the same tick as the upgrade, so nothing
 * that the peer sends is missed. False, and `use` did not run: the peer has gone, or the list of subprotocols is
 * malformed (ws then answers 400 itself).
 */
export function acceptUpgrade(
  request: FastifyRequest,
  reply: FastifyReply,
  endpoint: WebSocketServer,
  use: (socket: WebSocket, transport: Socket) => void,
): boolean {
  const { socket } = takeHandshake(request, reply);
  let isAccepted = false;
  endpoint.handleUpgrade(request.raw, socket, EMPTY, (webSocket) => {
    isAccepted = true;
    use(webSocket, socket);
  });
  return isAccepted;
}

export interface StreamAnswer extends Pick<AcceptedHandshake, 'protocol' | 'headers' | 'clock'> {
  /** What the peer has sent already. */
  readonly early?: Buffer;
}

/**
 * Accepts the handshake of `request` as a stream of bytes, in the subprotocol `protocol` if any. Undefined if the peer
 * has gone.
 */
export function acceptStream(
  request: FastifyRequest,
  reply: FastifyReply,
  { early = EMPTY, ...rest }: StreamAnswer,
): ByteStream | undefined {
  const { socket } = takeHandshake(request, reply);
  return streamFromHandshake({ request: request.raw, socket, head: early, ...rest });
}

/** Takes the socket out of the hands of HTTP; whoever calls answers the peer from here on. */
function takeHandshake(request: FastifyRequest, reply: FastifyReply): Handshake {
  const handshake = handshakes.get(request.raw);
  if (handshake === undefined) throw new Error('an upgrade was accepted without a handshake');
  handshakes.delete(request.raw);
  reply.hijack();
  handshake.response.detachSocket(handshake.socket);
  return handshake;
}

const EMPTY = Buffer.alloc(0);
