// /metrics, in the text format of Prometheus.
import type { FastifyInstance } from 'fastify';

/** What a scrape gets. */
export interface Exposition {
  readonly contentType: string;
  text(): Promise<string>;
}

export function registerMetrics(app: FastifyInstance, exposition: Exposition): void {
  app.get('/metrics', async (_request, reply) => {
    return reply.header('content-type', exposition.contentType).send(await exposition.text());
  });
}
