// What no route answers: paths that are not there, faults of our own, and bytes that are not HTTP.
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyServerOptions } from 'fastify';
import { ID_RULE, parsePublicTarget } from '#shared/protocol/paths.ts';
import type { MalformedReason, Recorder } from '../../session/ports.ts';
import { addressOf, addressOfSocket } from '../door/origin.ts';
import { refuse } from '../door/refusal.ts';

const ANSWERS: Partial<Record<MalformedReason, string>> = {
  timeout: '408 Request Timeout',
  too_large: '431 Request Header Fields Too Large',
  not_http: '400 Bad Request',
};

/** The options that make fastify answer, count and log what cannot be routed. */
export function answerMalformed(
  recorder: Recorder,
): Pick<FastifyServerOptions, 'clientErrorHandler' | 'frameworkErrors'> {
  return {
    clientErrorHandler(this: FastifyInstance, error, socket: Socket) {
      if (socket.destroyed) return;
      // A peer that went away has not asked for anything.
      if (error.code === 'ECONNRESET') return void socket.destroy();
      const reason = reasonOf(error.code);
      recorder.requestMalformed(reason);
      this.log.info({ address: addressOfSocket(socket), reason }, 'malformed request');
      const answer = ANSWERS[reason];
      // As Node does by itself: what the kernel does not take at once is not worth waiting for.
      if (answer !== undefined && socket.writable)
        socket.write(`HTTP/1.1 ${answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      socket.destroy();
    },
    // A path that cannot be decoded, which fastify refuses before it looks for a route.
    frameworkErrors(_error, request, reply) {
      const isId = parsePublicTarget(request.raw.url ?? '').kind === 'invalid_id';
      if (isId) void refuse(reply, recorder, 'invalid_id', `an ID is ${ID_RULE}`);
      else void refuse(reply, recorder, 'not_found', 'this path cannot be decoded');
    },
  };
}

/** Answers what has no route with 404, and a fault of ours with 500 and no detail. */
export function answerFaults(app: FastifyInstance, recorder: Recorder): void {
  app.setNotFoundHandler((request, reply) => {
    const { method, url } = request;
    const message = `nothing is at ${method} ${url.slice(0, 200)}: see / for what is`;
    return refuse(reply, recorder, 'not_found', message, { method, path: url.slice(0, 200) });
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const { statusCode = 500 } = error;
    if (statusCode < 500) {
      const reason = statusCode === 413 ? 'too_large' : 'not_http';
      recorder.requestMalformed(reason);
      // The stack is fastify's: the code says all of it.
      const { code } = error;
      request.log.info({ address: addressOf(request), reason, code }, 'malformed request');
      return reply.code(statusCode).send({ code: 'malformed_request', message: error.message });
    }
    recorder.refused('fault');
    // Whoever has gone may have caused it by that; nobody waits for an answer, and nobody should be woken up.
    const level = request.socket.destroyed ? 'info' : 'error';
    request.log[level]({ err: error, address: addressOf(request) }, 'request failed');
    return reply.code(500).send({ code: 'fault', message: 'an internal fault: try again' });
  });
}

function reasonOf(code = ''): MalformedReason {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'timeout';
  if (code === 'HPE_HEADER_OVERFLOW') return 'too_large';
  return /^ERR_(?:SSL|TLS)_/.test(code) ? 'tls' : 'not_http';
}
