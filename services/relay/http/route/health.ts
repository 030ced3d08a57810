// Health: /healthz says that the process answers, /readyz that it should be given work.
import type { FastifyInstance } from 'fastify';

export function registerHealth(app: FastifyInstance, leaving: AbortSignal): void {
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', (_request, reply) =>
    leaving.aborted ? reply.code(503).send({ status: 'draining' }) : reply.send({ status: 'ready' }),
  );
}
