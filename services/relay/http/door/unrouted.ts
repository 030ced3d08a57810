// What no route answers: paths that are not there, bodies that nobody reads, and faults of our own.
import type { FastifyError, FastifyInstance, FastifyRequest, FastifyServerOptions } from 'fastify';
import { ID_RULE, parsePublicTarget } from '#shared/protocol/paths.ts';
import { type MalformedRecorder, tellMalformed } from '../listener/malformed.ts';
import { addressOf } from './asker.ts';
import {
  askerRefused,
  MAX_SHOWN_PATH_CHARACTERS,
  type RefusalRecorder,
  Refused,
  sendRefusal,
} from './refusal.ts';

/**
 * The option of fastify that answers a path which cannot be decoded. Fastify looks for no route then, and runs no hooks.
 */
export function answerUndecodable(
  recorder: RefusalRecorder,
): NonNullable<FastifyServerOptions['frameworkErrors']> {
  return (_error, request, reply) => {
    const isId = parsePublicTarget(request.raw.url ?? '').kind === 'invalid_id';
    const refused = isId
      ? new Refused('invalid_id', `an ID is ${ID_RULE}`)
      : new Refused('not_found', 'this path cannot be decoded');
    sendRefusal(refused, reply, recorder);
  };
}

/** The refusal of a request that nothing answers here. */
export function refusedUnrouted({ method, url }: Pick<FastifyRequest, 'method' | 'url'>): Refused {
  const path = url.slice(0, MAX_SHOWN_PATH_CHARACTERS);
  const message = `nothing is at ${method} ${path}: see / for what is`;
  return new Refused('not_found', message, { fields: { method, path } });
}

/**
 * Answers what has no route with 404, a body that cannot be read with 4xx, and a fault of ours with 500 and no detail.
 */
export function answerUnrouted(app: FastifyInstance, recorder: RefusalRecorder & MalformedRecorder): void {
  app.setNotFoundHandler(refusedUnrouted);
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const { statusCode = 500 } = error;
    const address = addressOf(request);
    if (statusCode < 500) {
      // The stack is fastify's, and says nothing: the code says all of it.
      const { code } = error;
      const reason = statusCode === 413 ? 'too_large' : 'not_http';
      tellMalformed(reason, { address, code }, { log: request.log, recorder });
      return reply.code(statusCode).send({ code: 'malformed_request', message: error.message });
    }
    const message = 'an internal fault: try again';
    recorder.refused('fault', askerRefused(request, message));
    // A peer that has gone may have caused the error by going. Nobody waits for the answer then, and nobody is woken up.
    const level = request.socket.destroyed ? 'info' : 'error';
    request.log[level]({ err: error, address }, 'request failed');
    return reply.code(500).send({ code: 'fault', message });
  });
}
