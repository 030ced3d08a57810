// The client's route: /client/ID, answered once the agent's stream is there.
import type { FastifyInstance } from 'fastify';
import { ID_RULE, parsePublicTarget } from '#shared/protocol/paths.ts';
import { parseSubprotocols, RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import { MAX_STREAM_MESSAGE_BYTES, webSocketStream } from '#shared/stream/web-socket-stream.ts';
import { addressOf } from './origin.ts';
import { refuse } from './refusal.ts';
import type { RouteOptions } from './route-options.ts';
import { acceptUpgrade, createEndpoint, handshakeSocket } from './upgrade.ts';
import { watchWaitingSocket } from './waiting-socket.ts';

/** More clients than this may not wait on one pod at a time: each holds a socket. */
export const MAX_WAITING_CLIENTS = 10_000;

export function registerClientRoute(app: FastifyInstance, options: RouteOptions): void {
  const { clock, recorder, router, sessions, registryFailed } = options;
  const endpoint = createEndpoint(MAX_STREAM_MESSAGE_BYTES, (offered) => {
    if (offered.has(RESUME)) return RESUME;
    return offered.has(STREAM) && STREAM;
  });
  let waiting = 0;

  app.get('/client/*', async (request, reply) => {
    const target = parsePublicTarget(request.raw.url ?? '');
    if (target.kind === 'invalid_id') {
      return refuse(reply, recorder, 'invalid_id', `an ID is ${ID_RULE}`, { id: target.id.slice(0, 160) });
    }
    if (target.kind !== 'client')
      return refuse(reply, recorder, 'not_found', 'the path of a client is /client/ID');
    const { id } = target;
    const socket = handshakeSocket(request);
    if (socket === undefined) {
      const message = `${request.url} speaks WebSocket: use it with wsproxy or tcptows, see /`;
      return refuse(reply, recorder, 'upgrade_required', message, { id });
    }
    if (options.draining())
      return refuse(reply, recorder, 'draining', 'this relay is going away: try again now');
    if (waiting >= MAX_WAITING_CLIENTS) {
      return refuse(
        reply,
        recorder,
        'rate_limited',
        'too many clients wait on this relay: try again in a moment',
      );
    }

    const askedAt = clock.now();
    const resumable = parseSubprotocols(request.headers['sec-websocket-protocol']).includes(RESUME);
    const client = addressOf(request);
    const watched = watchWaitingSocket(socket);
    waiting += 1;
    const routed = await router
      .route({ id, client, resumable, waitMs: target.waitSeconds * 1000, signal: watched.gone })
      .catch(registryFailed)
      .finally(() => {
        waiting -= 1;
      });
    const early = watched.release();
    if (routed === undefined) {
      const message = 'the registry is not reachable, so the agent cannot be found: try again';
      return refuse(reply, recorder, 'registry_unavailable', message, { id });
    }
    switch (routed.kind) {
      case 'refused':
        return refuse(reply, recorder, routed.code, routed.message, { id });
      case 'abandoned':
        reply.log.info({ id, client, seconds: (clock.now() - askedAt) / 1000 }, 'client left while waiting');
        reply.hijack();
        socket.destroy();
        return reply;
      case 'stream':
    }
    const { route, stream: agentStream } = routed;
    let joined = false;
    // A peer that goes at the very moment of the upgrade must not leave the agent's stream behind.
    socket.once('close', () => {
      if (!joined) agentStream.close({ reason: 'going_away' });
    });
    acceptUpgrade(
      request,
      reply,
      endpoint,
      (webSocket, transport) => {
        joined = true;
        const clientStream = webSocketStream(webSocket, transport, clock);
        sessions.start(clientStream, agentStream, { id, client, resumable, route, askedAt });
      },
      early,
    );
    return reply;
  });
}
