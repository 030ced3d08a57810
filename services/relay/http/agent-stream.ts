// The agent's stream: joined here if its client waits here, else forwarded over one hop to the pod where it waits.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { STREAM } from '#shared/protocol/subprotocols.ts';
import { MAX_STREAM_MESSAGE_BYTES, webSocketStream } from '#shared/stream/web-socket-stream.ts';
import { openTicket, type Ticket } from '../hop/ticket.ts';
import { addressOf } from './origin.ts';
import { refuse } from './refusal.ts';
import type { RouteOptions } from './route-options.ts';
import { acceptUpgrade, createEndpoint, handshakeSocket } from './upgrade.ts';

const endpoint = createEndpoint(MAX_STREAM_MESSAGE_BYTES, (offered) => offered.has(STREAM) && STREAM);

/** Answers `WS /agent/ID/stream/TICKET`. */
export async function acceptAgentStream(
  request: FastifyRequest,
  reply: FastifyReply,
  { id, ticket: sealed }: { readonly id: string; readonly ticket: string },
  options: RouteOptions,
): Promise<FastifyReply> {
  const { clock, dials, key, recorder, self } = options;
  const ticket = openTicket(key, sealed, id, clock.now());
  if (ticket === undefined) return refuse(reply, recorder, 'unauthorized', BAD_TICKET, { id });
  if (ticket.address !== self.address) return forward(request, reply, ticket, options);
  const dial = dials.redeem(ticket.nonce);
  if (dial === undefined) return refuse(reply, recorder, 'unauthorized', BAD_TICKET, { id });
  acceptUpgrade(request, reply, endpoint, (socket, transport) => {
    dial.give(webSocketStream(socket, transport, clock), 'local');
  });
  return reply;
}

/** The hop is opened before the agent is answered, so that a failure is an answer that the agent understands. */
async function forward(
  request: FastifyRequest,
  reply: FastifyReply,
  { id, address, nonce, resumable }: Ticket,
  { clock, peers, recorder, sessions }: RouteOptions,
): Promise<FastifyReply> {
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
  const hop = webSocketStream(outcome.socket, outcome.transport, clock);
  let joined = false;
  // An agent that goes at the very moment of the upgrade must not leave the hop behind.
  const leave = (): void => {
    if (!joined) hop.close({ reason: 'agent_gone' });
  };
  const socket = handshakeSocket(request);
  if (socket === undefined || socket.destroyed) leave();
  socket?.once('close', leave);
  acceptUpgrade(request, reply, endpoint, (webSocket, transport) => {
    joined = true;
    const client = addressOf(request);
    const agent = webSocketStream(webSocket, transport, clock);
    sessions.start(hop, agent, { id, client, resumable, route: 'forwarding', askedAt });
  });
  return reply;
}

const BAD_TICKET = 'this ticket is unknown, used or too old';
