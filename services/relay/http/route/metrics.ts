// /metrics, in the text format of Prometheus.
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../../metrics/metrics.ts';

export function registerMetrics(app: FastifyInstance, metrics: Metrics): void {
  app.get('/metrics', async (_request, reply) => {
    return reply.header('content-type', metrics.contentType).send(await metrics.text());
  });
}
