// The agent's stream: joined here if its client waits here, else forwarded over one hop to the pod where it waits.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { STREAM } from '#shared/protocol/subprotocols.ts';
import { openTicket, type Ticket } from '../../hop/ticket.ts';
import type { Holder } from '../../limits/held-bytes.ts';
import { releaseWith } from '../door/admission.ts';
import { askerOf } from '../door/asker.ts';
import { refuse, refuseOver } from '../door/refusal.ts';
import { acceptStream } from '../listener/upgrade.ts';
import type { RouteOptions } from './route-options.ts';

/** Answers `WS /agent/ID/stream/TICKET`. */
export async function acceptAgentStream(
  request: FastifyRequest,
  reply: FastifyReply,
  { id, ticket: sealed }: { readonly id: string; readonly ticket: string },
  options: RouteOptions,
): Promise<FastifyReply> {
  const { clock, dials, key, recorder, self } = options;
  const dial = dials.redeemTicket(sealed, id);
  if (dial !== undefined) {
    const stream = acceptStream(request, reply, { protocol: STREAM, clock });
    if (stream !== undefined) dial.give(stream, 'local');
    return reply;
  }
  const ticket = openTicket(key, sealed, id, clock.wallTime());
  if (ticket === undefined || ticket.address === self.address) {
    // Whoever guesses asks as any stranger does.
    const tooFast = options.admission.refuseRequest(askerOf(request));
    if (tooFast !== undefined) return refuseOver(reply, recorder, tooFast, { id });
    return refuse(reply, recorder, 'unauthorized', BAD_TICKET, { id });
  }
  // A client that waits here is still served while draining; one that waits elsewhere is better served elsewhere.
  if (options.draining())
    return refuse(reply, recorder, 'draining', 'this relay is going away: try again now', { id });
  return forward(request, reply, ticket, options);
}

/** The hop is opened before the agent is answered, so that a failure is an answer that the agent understands. */
async function forward(
  request: FastifyRequest,
  reply: FastifyReply,
  { id, address, nonce, resumable }: Ticket,
  { admission, clock, peers, recorder, sessions }: RouteOptions,
): Promise<FastifyReply> {
  const place = admission.admitPassing();
  if (place.kind === 'over') return refuseOver(reply, recorder, place, { id });
  releaseWith(request.socket, place.slot);
  const askedAt = clock.now();
  const outcome = await peers.hop(address, nonce);
  recorder.hopDialled(outcome.kind, (clock.now() - askedAt) / 1000);
  switch (outcome.kind) {
    case 'refused':
      return refuse(reply, recorder, 'unauthorized', BAD_TICKET, { id, address, status: outcome.status });
    case 'unreachable': {
      const message = 'the relay where the client waits cannot be reached: try again';
      return refuse(reply, recorder, 'peer_unreachable', message, { id, address, detail: outcome.detail });
    }
    case 'open':
  }
  const hop = outcome.stream;
  const agent = acceptStream(request, reply, { protocol: STREAM, clock });
  if (agent !== undefined) {
    const asker = askerOf(request);
    const watch = (holder: Holder) => admission.watch(asker, holder);
    const client = asker.address;
    sessions.start(hop, agent, { id, client, resumable, route: 'forwarding', knownAt: askedAt, watch });
    return reply;
  }
  // An agent that goes at the very moment of the upgrade must not leave the hop behind.
  hop.close({ reason: 'agent_gone' });
  return reply;
}

const BAD_TICKET = 'this ticket is unknown, used or too old';
