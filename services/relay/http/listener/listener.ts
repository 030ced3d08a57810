// A listener: an HTTP server with fastify above it and a log, which keeps the addresses of its peers.
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type FastifyInstance, type FastifyServerOptions, fastify, LogController } from 'fastify';
import { faultText } from '#shared/text/fault-text.ts';
import type { LogOutput } from '../../log/log-output.ts';
import type { RepeatedLines } from '../../log/repeated-lines.ts';
import { ListenFault } from './listen-fault.ts';
import { answerMalformed, type MalformedRecorder } from './malformed.ts';
import { fixAddress } from './peer-address.ts';
import { readTlsFiles, type TlsFiles } from './tls.ts';
import type { TrustProxy } from './trust-proxy.ts';
import { isWebSocketUpgrade } from './upgrade.ts';

/** How long a peer may take to send the headers of its request, in milliseconds. */
const HEADERS_TIMEOUT_MS = 10_000;

/** How often Node looks for peers that are late with their headers, in milliseconds (30 s by default). */
const HALF_OPEN_CHECK_EVERY_MS = 2_000;

/** How long a whole request may take, in milliseconds: only dial orders have a body, and a small one. */
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * In milliseconds. Longer than load balancers keep an idle connection, so that they never use one that we have just
 * closed.
 */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

export interface ListenerOptions {
  readonly podId: string;
  readonly logLevel: string;
  /** Standard output if there is none. */
  readonly log: Pick<LogOutput, 'write'> | undefined;
  readonly repeated: RepeatedLines;
  readonly recorder: MalformedRecorder;
  /** Answers a path that cannot be decoded. */
  readonly onUndecodable: FastifyServerOptions['frameworkErrors'];
  /** Whose `X-Forwarded-*` to believe. */
  readonly trustProxy: TrustProxy;
  readonly tls: TlsFiles | undefined;
}

/** A listener; routes are put on it before it is opened. */
export type Listener = FastifyInstance;

/** Opens nothing. */
export function createListener(options: ListenerOptions): Listener {
  const { podId, logLevel, log, repeated, recorder, trustProxy, tls, onUndecodable } = options;
  return fastify({
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
    clientErrorHandler: answerMalformed(recorder),
    ...(onUndecodable === undefined ? {} : { frameworkErrors: onUndecodable }),
  });
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

/** A peer that was gone before its connection was accepted has no address, and needs no answer. */
function fixAddressOrCut(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy();
  fixAddress(socket);
}

/** What chooses where each listens (config-variables.ts). */
const VARIABLES = {
  public: { host: 'HOST', port: 'PORT' },
  internal: { host: 'INTERNAL_HOST', port: 'INTERNAL_PORT' },
} as const;

/** Why it cannot, in words where a person meets it, and which variable to change. */
function reasonOf(error: unknown, listener: 'public' | 'internal'): string {
  const { host, port } = VARIABLES[listener];
  switch (error instanceof Error && 'code' in error ? error.code : undefined) {
    case 'EADDRINUSE':
      return `another program has it; ${port} chooses another port`;
    case 'EACCES':
      return `this user may not open it; ${port} chooses another port`;
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'ENOTFOUND':
      return `this machine has no such address; ${host} chooses another one`;
    default:
      return faultText(error);
  }
}

/** @throws ListenFault */
export async function listen(
  app: Listener,
  listener: 'public' | 'internal',
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  const { level } = app.log;
  // Fastify would log the address in a text of its own, without a word on which of the two it is.
  app.log.level = 'silent';
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw new ListenFault(`cannot listen on ${host} port ${port}: ${reasonOf(error, listener)}`, {
      cause: error,
    });
  } finally {
    app.log.level = level;
  }
  app.log.info({ listener, host, port: portOf(app) }, 'listening');
}

export function portOf(app: Listener): number {
  return (app.server.address() as AddressInfo).port;
}
