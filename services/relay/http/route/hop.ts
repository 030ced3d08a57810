// WS /hop/NONCE on the internal listener: the pod that has the agent's stream brings it to the client that waits here.
import type { FastifyInstance } from 'fastify';
import { STREAM } from '#shared/protocol/subprotocols.ts';
import { judgePeerRequest, PEER_HEADER } from '../../hop/peer-credentials.ts';
import { refuse } from '../door/refusal.ts';
import { acceptStream, handshakeSocket } from '../listener/upgrade.ts';
import type { RouteOptions } from './route-options.ts';

export function registerHopRoute(app: FastifyInstance, options: RouteOptions): void {
  const { clock, dials, key, recorder } = options;
  app.get<{ Params: { nonce: string } }>('/hop/:nonce', (request, reply) => {
    const header = request.headers[PEER_HEADER];
    const verdict = judgePeerRequest(
      key,
      { method: 'GET', path: request.url, body: '' },
      typeof header === 'string' ? header : undefined,
      clock.wallTime(),
    );
    if (verdict !== 'genuine') {
      recorder.peerRejected(verdict);
      return refuse(reply, recorder, 'unauthorized', `the credential of the peer is ${verdict}`);
    }
    if (handshakeSocket(request) === undefined) {
      return refuse(reply, recorder, 'upgrade_required', 'a hop is a WebSocket');
    }
    const dial = dials.redeem(request.params.nonce);
    if (dial === undefined)
      return refuse(reply, recorder, 'unauthorized', 'nobody waits for this hop any more');
    const stream = acceptStream(request, reply, { protocol: STREAM, clock });
    if (stream !== undefined) dial.give(stream, 'waiting');
    return reply;
  });
}
