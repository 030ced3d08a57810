// The public origin of this relay: what an agent is to print for people.
import type { FastifyRequest } from 'fastify';

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
