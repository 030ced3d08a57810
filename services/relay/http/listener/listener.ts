// A listener: an HTTP server with fastify above it, that logs what it is and keeps the addresses of its peers.
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type FastifyInstance, fastify, LogController } from 'fastify';
import { faultText } from '#shared/text/fault-text.ts';
import type { TrustProxy } from '../../config.ts';
import { RelayFault } from '../../errors.ts';
import type { LogOutput } from '../../log/log-output.ts';
import type { RepeatedLines } from '../../log/repeated-lines.ts';
import type { Recorder } from '../../session/ports.ts';
import { fixAddress } from '../door/origin.ts';
import { answerFaults, answerMalformed } from './malformed.ts';
import { readTlsFiles, type TlsFiles } from './tls.ts';
import { isWebSocketUpgrade } from './upgrade.ts';

/** A peer that has not sent its request's headers by then is half open, in milliseconds. */
const HEADERS_TIMEOUT_MS = 10_000;

/** How late a half-open peer may be found, in milliseconds (Node looks every 30 s by itself). */
const HALF_OPEN_CHECK_EVERY_MS = 2_000;

/** No request of ours has a body worth waiting longer for, in milliseconds. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Longer than load balancers keep an idle connection to us, so that they never use one that we just closed. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

export interface ListenerOptions {
  readonly podId: string;
  readonly logLevel: string;
  /** Standard output if there is none. */
  readonly log: Pick<LogOutput, 'write'> | undefined;
  readonly repeated: RepeatedLines;
  readonly recorder: Recorder;
  /** Whose `X-Forwarded-*` to believe. */
  readonly trustProxy: TrustProxy;
  readonly tls: TlsFiles | undefined;
}

/** Opens nothing. */
export function createListener(options: ListenerOptions): FastifyInstance {
  const { podId, logLevel, log, repeated, recorder, trustProxy, tls } = options;
  const app = fastify({
    logger: {
      level: logLevel,
      base: { pod: podId },
      hooks: {
        logMethod(args, write) {
          // Of pino's forms only the one of `Log` is used: fields, then a constant message.
          const [fields, message] = args as readonly unknown[];
          if (repeated.admit(fields, message)) write.apply(this, args);
        },
      },
      ...(log === undefined ? {} : { stream: log }),
    },
    // Sessions are logged by the core; a line per scrape and probe helps nobody.
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 1024 },
    serverFactory: (handler) => createServer(tls, handler),
    ...answerMalformed(recorder),
  });
  answerFaults(app, recorder);
  return app;
}

function createServer(tls: TlsFiles | undefined, handler: http.RequestListener): http.Server {
  const options = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: HALF_OPEN_CHECK_EVERY_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    shouldUpgradeCallback: isWebSocketUpgrade,
  };
  if (tls === undefined) {
    return http.createServer(options, handler).prependListener('connection', fixAddressOrCut);
  }
  return https
    .createServer({ ...options, handshakeTimeout: HEADERS_TIMEOUT_MS, ...readTlsFiles(tls) }, handler)
    .prependListener('secureConnection', fixAddressOrCut);
}

/** A peer that was gone before its connection was accepted has no address, and waits for nothing. */
function fixAddressOrCut(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy();
  fixAddress(socket);
}

/** @throws RelayFault that names the address */
export async function listen(
  app: FastifyInstance,
  listener: 'public' | 'internal',
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  const { level } = app.log;
  // Fastify would log the address in a text of its own, without a word on which of the two it is.
  app.log.level = 'silent';
  try {
    await app.listen({ host, port });
  } catch (error) {
    const detail = faultText(error);
    throw new RelayFault('listen_failed', `cannot listen on ${host} port ${port}: ${detail}`, {
      cause: error,
    });
  } finally {
    app.log.level = level;
  }
  app.log.info({ listener, host, port: portOf(app) }, 'listening');
}

export function portOf(app: FastifyInstance): number {
  return (app.server.address() as AddressInfo).port;
}
