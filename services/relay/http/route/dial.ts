// POST /dial/ID on the internal listener: another pod asks that the agent here open a stream.
import type { FastifyInstance } from 'fastify';
import { isValidId } from '#shared/protocol/paths.ts';
import { MAX_DIAL_ORDER_BYTES, parseDialOrder } from '../../hop/dial-order.ts';
import { judgePeerRequest, PEER_HEADER } from '../../hop/peer-credentials.ts';
import { refuse } from '../door/refusal.ts';
import type { RouteOptions } from './route-options.ts';

export function registerDialRoute(app: FastifyInstance, options: RouteOptions): void {
  const { agents, clock, key, recorder } = options;
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
    const header = request.headers[PEER_HEADER];
    const verdict = judgePeerRequest(
      key,
      { method: 'POST', path: request.url, body },
      typeof header === 'string' ? header : undefined,
      clock.wallTime(),
    );
    if (verdict !== 'genuine') {
      recorder.peerRejected(verdict);
      return refuse(reply, recorder, 'unauthorized', `the credential of the peer is ${verdict}`, { id });
    }
    const order = parseDialOrder(body);
    if (order === undefined || !isValidId(id)) {
      recorder.peerRejected('malformed');
      return refuse(reply, recorder, 'invalid_id', 'not a dial order', { id: id.slice(0, 160) });
    }
    const agent = agents.get(id);
    if (agent === undefined)
      return refuse(reply, recorder, 'agent_not_found', 'this agent is not on this pod', { id });
    agent.link.send({ type: 'dial', ...order });
    return reply.code(202).send({ status: 'sent' });
  });
}
