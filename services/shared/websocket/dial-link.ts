// Dialling a link: opens a WebSocket of messages, with every way to fail as a value.
import type { Agent } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { tunnelThrough } from '#shared/outbound/proxy-tunnel.ts';
import { type FailedDial, refusedBy, unreachableFrom } from './dial-outcome.ts';
import { BUDGETED_READING } from './link-budget.ts';
import { peerCheckFor } from './peer-check.ts';
import { SOCKET_OPTIONS } from './socket-options.ts';

export interface LinkDialOptions {
  readonly protocols: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** An HTTP proxy to reach the relay through, with CONNECT. */
  readonly proxy?: URL | undefined;
  /** From the first packet to the upgrade, in milliseconds. */
  readonly timeoutMs: number;
  /** Of that, until the relay has been asked: names, TCP, the proxy and TLS, in milliseconds; all of it by default. */
  readonly connectWithinMs?: number;
  /** The largest message to take, in bytes. */
  readonly maxMessageBytes: number;
  /** For a link that will be held to a budget: it is read as BUDGETED_READING says. */
  readonly isBudgeted?: boolean;
  /** Aborts the attempt; the outcome is then `unreachable` with code `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

export type LinkDialOutcome =
  /** The socket is paused: nothing is lost before somebody listens. */
  { readonly kind: 'open'; readonly socket: WebSocket; readonly transport: Socket } | FailedDial;

/** Opens a WebSocket to `url` (ws: or wss:, its fragment is not sent). Never rejects. */
export async function dialLink(url: URL, options: LinkDialOptions): Promise<LinkDialOutcome> {
  const { proxy } = options;
  // A tunnel that is not there yet has a socket that the WebSocket does not know.
  const tunnel = new AbortController();
  const agent = proxy === undefined ? undefined : await tunnelThrough(proxy, tunnel.signal);
  return dialThrough(agent, tunnel, url, options);
}

function dialThrough(
  agent: Agent | undefined,
  tunnel: AbortController,
  url: URL,
  options: LinkDialOptions,
): Promise<LinkDialOutcome> {
  const { promise, resolve } = Promise.withResolvers<LinkDialOutcome>();
  const target = new URL(url);
  target.hash = '';
  const socket = new WebSocket(target, [...options.protocols], {
    ...SOCKET_OPTIONS,
    ...(options.isBudgeted === true ? BUDGETED_READING : {}),
    maxPayload: options.maxMessageBytes,
    headers: { ...options.headers },
    ...peerCheckFor(options.headers),
    // A hostile answer must not lead anywhere else.
    followRedirects: false,
    ...(agent === undefined ? {} : { agent }),
    finishRequest(request) {
      // Called once the connection, with its TLS, has taken the whole of it.
      request.end(() => {
        clearTimeout(connectTimer);
      });
    },
  });
  let transport: Socket | undefined;
  const { timeoutMs, connectWithinMs = timeoutMs } = options;
  const connectTimer = giveUpAfter(connectWithinMs, 'no connection');
  const timer = giveUpAfter(timeoutMs, 'no answer');
  const abort = (): void => {
    give({ kind: 'unreachable', code: 'ABORTED', detail: 'given up' });
  };
  if (options.signal?.aborted === true) abort();
  options.signal?.addEventListener('abort', abort, { once: true });

  socket.on('upgrade', (response) => {
    transport = response.socket;
  });
  socket.on('open', () => {
    socket.pause();
    if (transport !== undefined) give({ kind: 'open', socket, transport });
  });
  socket.on('unexpected-response', (_request, response) => {
    void refusedBy(response).then(give);
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    give(unreachableFrom(error));
  });
  return promise;

  function giveUpAfter(ms: number, what: string): NodeJS.Timeout {
    return setTimeout(() => {
      give({ kind: 'unreachable', code: 'TIMEOUT', detail: `${what} within ${ms / 1000} s` });
    }, ms);
  }

  function give(outcome: LinkDialOutcome): void {
    clearTimeout(timer);
    clearTimeout(connectTimer);
    options.signal?.removeEventListener('abort', abort);
    resolve(outcome);
    if (outcome.kind === 'open') return;
    if (socket.readyState !== socket.CLOSED) socket.terminate();
    tunnel.abort();
  }
}
