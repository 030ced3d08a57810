// POST /dial/ID on the internal listener: another pod asks that the agent here open a stream.
import type { FastifyInstance } from 'fastify';
import { isValidId } from '#shared/protocol/paths.ts';
import { dialAnswer, MAX_DIAL_ORDER_BYTES, parseDialOrder } from '../../hop/dial-order.ts';
import type { AgentTable } from '../../session/agent-table.ts';
import { judgePeer, type PeerDoorOptions, refusedPeer } from '../door/peer.ts';
import { Refused } from '../door/refusal.ts';
import { refusedId } from '../door/usual-refusals.ts';

export interface DialRouteOptions extends PeerDoorOptions {
  readonly agents: Pick<AgentTable, 'get'>;
}

export function registerDialRoute(app: FastifyInstance, options: DialRouteOptions): void {
  const { agents, recorder } = options;
  // The signature is over the bytes, so they are kept as they came.
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: MAX_DIAL_ORDER_BYTES },
    (_, body, done) => {
      done(null, body);
    },
  );
  app.post<{ Params: { id: string } }>('/dial/:id', (request, reply) => {
    const { id } = request.params;
    const body = typeof request.body === 'string' ? request.body : '';
    const verdict = judgePeer(request, body, options);
    if (verdict !== 'genuine') return refusedPeer(verdict, recorder, { id });
    const order = parseDialOrder(body);
    if (order === undefined || !isValidId(id)) {
      recorder.peerRejected('malformed');
      return refusedId(id, 'not a dial order');
    }
    const agent = agents.get(id);
    if (agent === undefined)
      return new Refused('agent_not_found', 'this agent is not on this pod', { fields: { id } });
    agent.link.send({ type: 'dial', ...order });
    return reply.code(202).send(dialAnswer(agent.standing));
  });
}
