// Foreign origins: a browser says which page a request comes from, and pages of other sites get no WebSocket here.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Recorder } from '../../session/ports.ts';
import { handshakeSocket } from '../listener/upgrade.ts';
import { refuse } from './refusal.ts';

/** More of an Origin header than this is not repeated, in characters. */
const SHOWN_ORIGIN_CHARACTERS = 100;

/**
 * Refuses every handshake that a page of another site asks for (RFC 6455 section 10.2): browsers let any page open a
 * WebSocket anywhere, in the name and from the network of whoever looks at it. Programs send no Origin, or this relay's.
 */
export function refuseForeignOrigins(
  app: FastifyInstance,
  recorder: Recorder,
  publicUrl: URL | undefined,
): void {
  app.addHook('onRequest', async (request, reply) => {
    if (handshakeSocket(request) === undefined || isOwnOrigin(request, publicUrl)) return undefined;
    const origin = (request.headers.origin ?? '').slice(0, SHOWN_ORIGIN_CHARACTERS);
    const message = 'a page of another site must not connect here: use wsproxy or tcptows, see /';
    return refuse(reply, recorder, 'foreign_origin', message, { origin });
  });
}

/**
 * True without an Origin, and for that of `publicUrl`; without one, for that of the host which was asked for. That host
 * is what the browser wants it to be, so a name that somebody else leads here (DNS rebinding) counts as ours: PUBLIC_URL
 * closes that. The scheme is not compared: a proxy in front that ends TLS may not say so.
 */
function isOwnOrigin(request: FastifyRequest, publicUrl: URL | undefined): boolean {
  const { origin } = request.headers;
  if (origin === undefined) return true;
  const host = hostOf(origin);
  return host !== undefined && host === (publicUrl?.host ?? hostOf(`http://${request.host}`));
}

/** With the port, unless it is the scheme's own. Undefined for `null` and whatever is no http(s) origin. */
function hostOf(origin: string): string | undefined {
  const url = URL.parse(origin);
  return url !== null && /^https?:$/.test(url.protocol) ? url.host : undefined;
}
