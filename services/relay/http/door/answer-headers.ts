// Headers of every answer, whichever route, hook or fault it comes from.
import type { FastifyInstance } from 'fastify';

/** What an answer says it is, it is: no browser takes the words of a refusal for a script or a page. */
export const EVERY_ANSWER_HEADERS = { 'x-content-type-options': 'nosniff' } as const;

/** Before every route and hook of `app` that may answer. */
export function headEveryAnswer(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, reply, done) => {
    void reply.headers(EVERY_ANSWER_HEADERS);
    done();
  });
}
