// Foreign origins: a browser says which page a request comes from, and pages of other sites get no WebSocket here.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parsePublicTarget } from '#shared/protocol/paths.ts';
import { handshakeSocket } from '../listener/upgrade.ts';
import { Refused } from './refusal.ts';

/** More of an Origin header than this is not repeated, in characters. */
const MAX_SHOWN_ORIGIN_CHARACTERS = 100;

/** Whose pages may ask. */
export interface OwnOrigins {
  readonly publicUrl: URL | undefined;
  /** Of terminal pages that lie elsewhere, as browsers write them; `null` for one that was opened from disk. */
  readonly terminalOrigins: readonly string[];
}

/**
 * Refuses every handshake that a page of another site asks for (RFC 6455 section 10.2): browsers let any page open a
 * WebSocket to any host, from the network of the person who looks at the page. Programs send no Origin, or this relay's.
 * Pages of `terminalOrigins` may be clients, and nothing else.
 */
export function refuseForeignOrigins(app: FastifyInstance, origins: OwnOrigins): void {
  app.addHook('onRequest', async (request, reply) => {
    if (handshakeSocket(request) === undefined) return undefined;
    const isClient = parsePublicTarget(request.raw.url ?? '').kind === 'client';
    const message =
      'a page of another site must not connect here: use wsproxy or tcptows, see /, or name its origin in TERMINAL_ORIGINS';
    const refused = refuseForeignOrigin(
      request,
      isClient ? origins : { ...origins, terminalOrigins: [] },
      message,
    );
    return refused === undefined ? undefined : reply.send(refused);
  });
}

/** The refusal of a request that a page of another site asks for; undefined for all others. */
export function refuseForeignOrigin(
  request: FastifyRequest,
  { publicUrl, terminalOrigins }: OwnOrigins,
  message: string,
): Refused | undefined {
  if (isOwnOrigin(request, publicUrl)) return undefined;
  if (terminalOrigins.includes(request.headers.origin ?? '')) return undefined;
  const origin = (request.headers.origin ?? '').slice(0, MAX_SHOWN_ORIGIN_CHARACTERS);
  return new Refused('foreign_origin', message, { fields: { origin } });
}

/** True if a page of this relay asks. */
export function isByOwnPage(request: FastifyRequest, publicUrl: URL | undefined): boolean {
  return request.headers.origin !== undefined && isOwnOrigin(request, publicUrl);
}

/**
 * True if there is no Origin, or if it is that of `publicUrl`, to the scheme; where no `publicUrl` is set, if its host is that
 * of the request. A foreign name that was made to lead here (DNS rebinding) then counts as ours, and so does a page that came
 * over plain http, since a proxy that ends TLS in front of us may not say so: PUBLIC_URL closes both.
 */
function isOwnOrigin(request: FastifyRequest, publicUrl: URL | undefined): boolean {
  const { origin } = request.headers;
  if (origin === undefined) return true;
  if (publicUrl !== undefined) return origin === publicUrl.origin;
  const host = hostOf(origin);
  return host !== undefined && host === hostOf(`http://${request.host}`);
}

/** With the port, unless it is the scheme's own. Undefined for `null` and anything that is not an http(s) origin. */
function hostOf(origin: string): string | undefined {
  const url = URL.parse(origin);
  return url !== null && /^https?:$/.test(url.protocol) ? url.host : undefined;
}
