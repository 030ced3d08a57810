// Dialling a stream: the opening handshake of a WebSocket without messages, and every way to fail as a value.
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { tunnelThrough } from '#shared/outbound/proxy-tunnel.ts';
import { isPass, PASS_HEADER } from '#shared/protocol/identity.ts';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { type FailedDial, refusedBy, unreachableFrom } from '#shared/websocket/dial-outcome.ts';
import type { Mask } from '#shared/websocket/mask-choice.ts';
import { frameStream } from './frame-stream.ts';
import { acceptValueFor, newHandshakeKey, WEBSOCKET_VERSION } from './handshake.ts';
import type { PeerReading } from './pace.ts';
import { peerCheckFor } from './peer-check.ts';

export interface StreamDialOptions {
  readonly clock: Clock;
  /** The subprotocols that are offered; the peer must choose one. */
  readonly protocols: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** An HTTP proxy to reach the peer through, with CONNECT. */
  readonly proxy?: URL | undefined;
  /** From the first packet to the upgrade, in milliseconds. */
  readonly timeoutMs: number;
  /** Of that, until the relay has been asked: names, TCP, the proxy and TLS, in milliseconds; all of it by default. */
  readonly connectWithinMs?: number;
  readonly mask?: Mask | undefined;
  readonly reading?: PeerReading | undefined;
  /** Aborts the attempt; the outcome is then `unreachable` with code `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

export type StreamDialOutcome =
  /** Nobody has attached to the stream. `pass`: to be shown with the next dial (PASS_HEADER), if the relay gives one. */
  { readonly kind: 'open'; readonly stream: ByteStream; readonly pass?: string } | FailedDial;

/** Opens a stream to `url` (ws: or wss:, its fragment is not sent). Never rejects. */
export async function dialStream(url: URL, options: StreamDialOptions): Promise<StreamDialOutcome> {
  const { proxy } = options;
  // A tunnel that is not there yet has a socket that the request does not know.
  const tunnel = new AbortController();
  // A socket of its own: it becomes the stream.
  const agent = proxy === undefined ? false : await tunnelThrough(proxy, tunnel.signal);
  return dialThrough(agent, tunnel, url, options);
}

function dialThrough(
  agent: http.Agent | false,
  tunnel: AbortController,
  url: URL,
  options: StreamDialOptions,
): Promise<StreamDialOutcome> {
  const { clock, protocols, signal, timeoutMs, connectWithinMs = timeoutMs } = options;
  const { promise, resolve } = Promise.withResolvers<StreamDialOutcome>();
  const key = newHandshakeKey();
  const request = requestTo(url, {
    ...peerCheckFor(options.headers),
    agent,
    headers: {
      ...options.headers,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': WEBSOCKET_VERSION,
      'sec-websocket-key': key,
      'sec-websocket-protocol': protocols.join(','),
    },
  });
  const cancelConnect = giveUpAfter(connectWithinMs, 'no connection');
  const cancelAnswer = giveUpAfter(timeoutMs, 'no answer');
  const abort = (): void => {
    give({ kind: 'unreachable', code: 'ABORTED', detail: 'given up' });
  };
  signal?.addEventListener('abort', abort, { once: true });
  request.on('upgrade', (response, socket, head) => {
    const fault = faultOf(response, key, protocols);
    if (fault === undefined) {
      const { mask, reading } = options;
      const stream = frameStream({ socket, head, isClient: true, mask, reading, clock });
      give({ kind: 'open', stream, ...passIn(response) });
    } else {
      socket.destroy();
      give({ kind: 'unreachable', code: 'PROTOCOL', detail: fault });
    }
  });
  request.on('response', (response) => {
    void refusedBy(response).then(give);
  });
  request.on('error', (error) => {
    give(unreachableFrom(error));
  });
  if (signal?.aborted === true) abort();
  // Called once the connection, with its TLS, has taken the whole of it.
  else request.end(cancelConnect);
  return promise;

  function giveUpAfter(ms: number, what: string): Cancel {
    return clock.after(ms, () => {
      give({ kind: 'unreachable', code: 'TIMEOUT', detail: `${what} within ${ms / 1000} s` });
    });
  }

  function give(outcome: StreamDialOutcome): void {
    cancelConnect();
    cancelAnswer();
    signal?.removeEventListener('abort', abort);
    resolve(outcome);
    if (outcome.kind === 'open') return;
    request.destroy();
    tunnel.abort();
  }
}

function passIn({ headers }: IncomingMessage): { readonly pass?: string } {
  const pass = headers[PASS_HEADER];
  return typeof pass === 'string' && isPass(pass) ? { pass } : {};
}

function requestTo(url: URL, options: https.RequestOptions): http.ClientRequest {
  const target = new URL(url);
  target.hash = '';
  target.protocol = url.protocol === 'wss:' ? 'https:' : 'http:';
  return target.protocol === 'https:' ? https.request(target, options) : http.request(target, options);
}

/** What is wrong with an upgrade (RFC 6455 section 4.1); undefined when nothing is. */
function faultOf(response: IncomingMessage, key: string, protocols: readonly string[]): string | undefined {
  const { headers } = response;
  const protocol = headers['sec-websocket-protocol'];
  if (headers.upgrade?.toLowerCase() !== 'websocket') return 'the answer upgrades to something else';
  if (headers['sec-websocket-accept'] !== acceptValueFor(key)) return 'the answer is to another handshake';
  if (headers['sec-websocket-extensions'] !== undefined)
    return 'the answer has an extension nobody asked for';
  if (protocol === undefined) return 'the answer has no subprotocol';
  return protocols.includes(protocol)
    ? undefined
    : `the answer has subprotocol ${protocol}, which was not offered`;
}
