// WS /hop/NONCE on the internal listener: the pod that has the agent's stream brings it to the client that waits here.
import type { FastifyInstance } from 'fastify';
import { STREAM } from '#shared/protocol/subprotocols.ts';
import type { PendingDials } from '../../session/pending-dials.ts';
import { judgePeer, type PeerDoorOptions, refusedPeer } from '../door/peer.ts';
import { Refused } from '../door/refusal.ts';
import { acceptStream, handshakeSocket } from '../listener/upgrade.ts';

export interface HopRouteOptions extends PeerDoorOptions {
  readonly dials: Pick<PendingDials, 'redeem'>;
}

export function registerHopRoute(app: FastifyInstance, options: HopRouteOptions): void {
  const { clock, dials, recorder } = options;
  app.get<{ Params: { nonce: string } }>('/hop/:nonce', (request, reply) => {
    const verdict = judgePeer(request, '', options);
    if (verdict !== 'genuine') return refusedPeer(verdict, recorder);
    if (handshakeSocket(request) === undefined)
      return new Refused('upgrade_required', 'a hop is a WebSocket');
    const dial = dials.redeem(request.params.nonce);
    if (dial === undefined) return new Refused('unauthorized', 'nobody waits for this hop any more');
    const stream = acceptStream(request, reply, { protocol: STREAM, clock });
    if (stream !== undefined) dial.give(stream, 'waiting');
    return reply;
  });
}
