// The agent's stream: joined here if its client waits here, else forwarded over one hop to the pod where it waits.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { STREAM } from '#shared/protocol/subprotocols.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { StreamDialOutcome } from '#shared/websocket/dial-stream.ts';
import type { ClusterKey } from '../../hop/cluster-key.ts';
import type { PeerDialler } from '../../hop/peer-dialler.ts';
import { openTicket, type Ticket } from '../../hop/ticket.ts';
import type { Admission } from '../../limits/admission.ts';
import type { Owner } from '../../registry/registry.ts';
import type { Holder } from '../../session/needs.ts';
import type { PendingDials } from '../../session/pending-dials.ts';
import type { SessionTable } from '../../session/session-table.ts';
import { askerOf } from '../door/asker.ts';
import { releaseWith } from '../door/public-door.ts';
import { Refused, refusedOver } from '../door/refusal.ts';
import { refusedLeaving } from '../door/usual-refusals.ts';
import { acceptStream } from '../listener/upgrade.ts';

/** Counts hops to other pods. */
export interface HopRecorder {
  hopDialled(outcome: StreamDialOutcome['kind'], seconds: number): void;
}

export interface AgentStreamOptions {
  readonly clock: Clock;
  /** This pod. */
  readonly self: Owner;
  /** Opens tickets. */
  readonly key: ClusterKey;
  readonly admission: Admission;
  readonly dials: Pick<PendingDials, 'redeemTicket'>;
  readonly peers: Pick<PeerDialler, 'hop'>;
  readonly sessions: SessionTable;
  readonly recorder: HopRecorder;
  /** Aborts when this pod is asked to leave. */
  readonly leaving: AbortSignal;
}

/** Answers `WS /agent/ID/stream/TICKET`. */
export async function acceptAgentStream(
  request: FastifyRequest,
  reply: FastifyReply,
  { id, ticket: sealed }: { readonly id: string; readonly ticket: string },
  options: AgentStreamOptions,
): Promise<FastifyReply | Refused> {
  const { clock, dials, key, leaving, self } = options;
  const dial = dials.redeemTicket(sealed, id);
  if (dial !== undefined) {
    const stream = acceptStream(request, reply, { protocol: STREAM, clock });
    if (stream !== undefined) dial.give(stream, 'local');
    return reply;
  }
  const ticket = openTicket(key, sealed, id, clock.wallTime());
  if (ticket === undefined || ticket.address === self.address) {
    // Somebody who guesses tickets is limited like any stranger; a good ticket is not, see door/public-door.ts.
    const tooFast = options.admission.refuseRequest(askerOf(request));
    return tooFast === undefined
      ? new Refused('unauthorized', BAD_TICKET, { fields: { id } })
      : refusedOver(tooFast, { id });
  }
  // A pod that drains still serves a client that waits here. A stream to another pod had better not go through this one.
  if (leaving.aborted) return refusedLeaving({ id });
  return forward(request, reply, ticket, options);
}

/** Opens the hop before it answers the agent, so that a failure can still be answered as an HTTP refusal. */
async function forward(
  request: FastifyRequest,
  reply: FastifyReply,
  { id, address, nonce, resumable }: Ticket,
  { admission, clock, peers, recorder, sessions }: AgentStreamOptions,
): Promise<FastifyReply | Refused> {
  const place = admission.admitPassing();
  if (place.kind === 'over') return refusedOver(place, { id });
  releaseWith(request.socket, place.slot);
  const askedAt = clock.now();
  const outcome = await peers.hop(address, nonce);
  recorder.hopDialled(outcome.kind, (clock.now() - askedAt) / 1000);
  switch (outcome.kind) {
    case 'refused':
      return new Refused('unauthorized', BAD_TICKET, { fields: { id, address, status: outcome.status } });
    case 'unreachable': {
      const message = 'the relay where the client waits cannot be reached: try again';
      return new Refused('peer_unreachable', message, { fields: { id, address, detail: outcome.detail } });
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
  // The agent has gone at the very moment of the upgrade: the hop ends too.
  hop.close({ reason: 'agent_gone' });
  return reply;
}

const BAD_TICKET = 'this ticket is unknown, used or too old';
