// Health: /healthz says that the process answers, /readyz that it should be given work.
import type { FastifyInstance } from 'fastify';

export function registerHealth(app: FastifyInstance, draining: () => boolean): void {
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', (_request, reply) =>
    draining() ? reply.code(503).send({ status: 'draining' }) : reply.send({ status: 'ready' }),
  );
}
