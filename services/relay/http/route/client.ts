// The client's route: /client/ID, answered once the agent's stream is there.
import type { FastifyInstance } from 'fastify';
import { ID_RULE, parsePublicTarget } from '#shared/protocol/paths.ts';
import { parseSubprotocols, RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import type { Holder } from '../../limits/held-bytes.ts';
import { releaseWith } from '../door/admission.ts';
import { askerOf } from '../door/asker.ts';
import { refuse, refuseOver } from '../door/refusal.ts';
import { acceptStream, handshakeSocket } from '../listener/upgrade.ts';
import type { RouteOptions } from './route-options.ts';
import { watchWaitingSocket } from './waiting-socket.ts';

/** The result sends away, with `draining`, those who wait for an agent. */
export function registerClientRoute(app: FastifyInstance, options: RouteOptions): () => void {
  const { admission, clock, recorder, router, sessions, registryFailed } = options;
  /** One for each client that is not answered yet; aborting it ends the wait, and the reason says who did. */
  const waiting = new Set<AbortController>();

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
    if (options.draining()) return refuse(reply, recorder, 'draining', DRAINING, { id });
    const asker = askerOf(request);
    const wait = admission.admit('waiting', asker);
    if (wait.kind === 'over') return refuseOver(reply, recorder, wait, { id });
    // Before the agent is troubled; the place itself is taken when there is a session.
    const room = admission.admit('sessions', asker);
    if (room.kind === 'over') {
      wait.slot.release();
      return refuseOver(reply, recorder, room, { id });
    }
    room.slot.release();

    const askedAt = clock.now();
    const offered = parseSubprotocols(request.headers['sec-websocket-protocol']);
    const resumable = offered.includes(RESUME);
    const client = asker.address;
    const over = new AbortController();
    const watched = watchWaitingSocket(socket, (why) => {
      over.abort(why === 'left' ? LEFT : TOO_EAGER);
    });
    waiting.add(over);
    const routed = await router
      .route({ id, client, resumable, waitMs: target.waitSeconds * 1000, signal: over.signal })
      .catch(registryFailed)
      .finally(() => {
        waiting.delete(over);
        wait.slot.release();
      });
    const early = watched.release();
    if (over.signal.reason === TOO_EAGER) {
      // Also where the agent's stream came at that very moment: what was sent is gone.
      if (routed?.kind === 'stream') routed.stream.close({ reason: 'going_away' });
      recorder.requestMalformed('early');
      reply.log.info({ id, address: client, reason: 'early' }, 'malformed request');
      reply.hijack();
      socket.destroy();
      return reply;
    }
    if (routed === undefined) {
      const message = 'the registry is not reachable, so the agent cannot be found: try again';
      return refuse(reply, recorder, 'registry_unavailable', message, { id });
    }
    switch (routed.kind) {
      case 'refused':
        return refuse(reply, recorder, routed.code, routed.message, { id });
      case 'abandoned':
        if (over.signal.reason === DISMISSED) return refuse(reply, recorder, 'draining', DRAINING, { id });
        recorder.clientLeft();
        reply.log.info({ id, client, seconds: (clock.now() - askedAt) / 1000 }, 'client left while waiting');
        reply.hijack();
        socket.destroy();
        return reply;
      case 'stream':
    }
    const { knownAt, route, stream: agentStream } = routed;
    const place = admission.admit('sessions', asker);
    if (place.kind === 'over') {
      agentStream.close({ reason: 'going_away' });
      return refuseOver(reply, recorder, place, { id });
    }
    releaseWith(socket, place.slot);
    const protocol = [RESUME, STREAM].find((choice) => offered.includes(choice));
    const clientStream = acceptStream(request, reply, { protocol, early, clock });
    if (clientStream !== undefined) {
      const watch = (holder: Holder) => admission.watch(asker, holder);
      sessions.start(clientStream, agentStream, { id, client, resumable, route, knownAt, watch });
    } else {
      recorder.clientLeft();
      reply.log.info({ id, client }, 'client left at the upgrade');
      agentStream.close({ reason: 'going_away' });
    }
    return reply;
  });

  return () => {
    for (const over of waiting) over.abort(DISMISSED);
  };
}

const LEFT = 'the client left';
const TOO_EAGER = 'the client did not wait for its answer';
const DISMISSED = 'the relay dismissed it';
const DRAINING = 'this relay is going away: try again now';
