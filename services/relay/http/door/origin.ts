// Origins: this relay as people reach it, and the peers by their addresses.
import type { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { NO_ADDRESS, readAddress } from '#shared/protocol/address.ts';

/** Host names, IPv4 and bracketed IPv6 addresses, with a port. Nothing that needs quoting in a shell or a page. */
const HOST_PATTERN = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/** In X-Forwarded-Proto; Traefik says `wss` of an upgrade. */
const SECURE_PROTOCOLS: readonly string[] = ['https', 'wss'];

/** Without a trailing slash: the configured public URL, else what the (trusted) request says. */
export function originOf(request: FastifyRequest, publicUrl: URL | undefined): string {
  if (publicUrl !== undefined) return publicUrl.href.replace(/\/+$/, '');
  const host = HOST_PATTERN.test(request.host) ? request.host : `localhost:${request.socket.localPort ?? 80}`;
  return `${SECURE_PROTOCOLS.includes(request.protocol) ? 'https' : 'http'}://${host}`;
}

/**
 * The address of whoever asks: what a trusted proxy says, where that is an IP address, else that of the connection.
 * Always an IP address in its one form (`readAddress`); NO_ADDRESS for a peer that was gone before it could be asked for.
 */
export function addressOf(request: FastifyRequest): string {
  return readAddress(request.ip) ?? addressOfSocket(request.socket);
}

/** The address at the other end of a connection, in the same form. */
export function addressOfSocket(socket: Socket): string {
  return readAddress(socket.remoteAddress) ?? NO_ADDRESS;
}

/** Connections whose address a balancer told. */
const told = new WeakSet<Socket>();

/** True if a balancer told the address of `socket`: it is that of a client, and not of whatever connects. */
export function isToldByBalancer(socket: Socket): boolean {
  return told.has(socket);
}

/**
 * Makes the address of a connection stay: Node forgets it when the peer goes, and who was it is asked after that too.
 * `behind` is given where the connection comes from a balancer that says who is behind it.
 */
export function fixAddress(socket: Socket, behind?: string): void {
  const value = behind ?? addressOfSocket(socket);
  if (behind !== undefined) told.add(socket);
  Object.defineProperty(socket, 'remoteAddress', { value, configurable: true, enumerable: true });
}
