// Malformed requests: what came is not a request that a route could answer. Each is counted and logged here.
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import type { Log } from '../../session/needs.ts';
import { addressOfSocket } from './peer-address.ts';

/** Why a request never reached a route, or was cut on its way to one. */
export const MALFORMED_REASONS = [
  /** Its headers did not come in time. */
  'timeout',
  /** Its headers or its body are too large. */
  'too_large',
  'not_http',
  /** The TLS handshake failed. */
  'tls',
  /** A WebSocket handshake that was sent behind a request which is still being answered. */
  'pipelined',
  /** So much came behind a handshake that nobody can have waited for the answer. */
  'early',
  /** A balancer's connection that does not begin with a PROXY header. */
  'proxy_header',
] as const;
export type MalformedReason = (typeof MALFORMED_REASONS)[number];

/** Counts malformed requests, by reason. */
export interface MalformedRecorder {
  requestMalformed(reason: MalformedReason): void;
}

const ANSWERS: Partial<Record<MalformedReason, string>> = {
  timeout: '408 Request Timeout',
  too_large: '431 Request Header Fields Too Large',
  not_http: '400 Bad Request',
};

/** `about`: the address of the peer, and what else the log is to say. */
export function tellMalformed(
  reason: MalformedReason,
  about: { readonly address: string; readonly [field: string]: unknown },
  { log, recorder }: { readonly log: Pick<Log, 'info'>; readonly recorder: MalformedRecorder },
): void {
  recorder.requestMalformed(reason);
  log.info({ ...about, reason }, 'malformed request');
}

/** The option of fastify that answers bytes which are no HTTP request. */
export function answerMalformed(
  recorder: MalformedRecorder,
): NonNullable<FastifyServerOptions['clientErrorHandler']> {
  return function (this: FastifyInstance, error, socket: Socket) {
    if (socket.destroyed) return;
    // A peer that went away has not asked for anything.
    if (error.code === 'ECONNRESET') return void socket.destroy();
    const reason = reasonOf(error.code);
    tellMalformed(reason, { address: addressOfSocket(socket) }, { log: this.log, recorder });
    const answer = ANSWERS[reason];
    // As Node does on its own: what the kernel does not take at once is not worth waiting for.
    if (answer !== undefined && socket.writable)
      socket.write(`HTTP/1.1 ${answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    socket.destroy();
  };
}

function reasonOf(code = ''): MalformedReason {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'timeout';
  if (code === 'HPE_HEADER_OVERFLOW') return 'too_large';
  return /^ERR_(?:SSL|TLS)_/.test(code) ? 'tls' : 'not_http';
}
