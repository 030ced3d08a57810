// A relay on free ports of this machine, with its log and its metrics to look at.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { clientPath } from '#shared/protocol/paths.ts';
import { STREAM } from '#shared/protocol/subprotocols.ts';
import { type Clock, systemClock } from '#shared/time/clock.ts';
import { dialLink, type LinkDialOutcome } from '#shared/websocket/dial-link.ts';
import { dialStream, type StreamDialOutcome } from '#shared/websocket/dial-stream.ts';
import { createRelay } from '../../../services/relay/app.ts';
import type { AuditLog } from '../../../services/relay/audit/audit-event.ts';
import { readConfig } from '../../../services/relay/config.ts';
import type { GateParts } from '../../../services/relay/gate-parts.ts';
import type { Cluster } from '../../../services/relay/kubernetes/cluster.ts';
import type { Relay } from '../../../services/relay/lifecycle.ts';
import type { ProcessMemory } from '../../../services/relay/limits/process-memory.ts';
import type { AgentRegistry } from '../../../services/relay/registry/registry.ts';
import { MAX_MESSAGE_BYTES } from '../stream/message-stream.ts';
import { sumOf } from './exposition.ts';

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface RunningRelay extends AsyncDisposable {
  readonly relay: Relay;
  readonly port: number;
  readonly internalPort: number;
  /** What it has logged so far. */
  readonly log: readonly LogLine[];
  /** The sum of the metric's series with those labels. */
  readonly metric: (series: string) => Promise<number>;
}

export interface RelaySetUp {
  readonly env?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  readonly registry?: AgentRegistry;
  readonly cluster?: Cluster;
  readonly downloads?: string;
  readonly memory?: ProcessMemory;
  readonly gateParts?: Partial<GateParts>;
  readonly audit?: AuditLog;
}

/** Starts a relay on loopback. */
export async function startRelay(setUp: RelaySetUp = {}): Promise<RunningRelay> {
  const read = readConfig({
    HOST: '127.0.0.1',
    PORT: '0',
    INTERNAL_PORT: '0',
    POD_ID: 'pod-test',
    DRAIN_DELAY_SECONDS: '0',
    DRAIN_TIMEOUT_SECONDS: '1',
    ...setUp.env,
  });
  if (read.kind === 'invalid') throw new Error(read.faults.join('; '));
  const log: LogLine[] = [];
  const relay = createRelay(read.config, {
    downloads: setUp.downloads ?? '/nonexistent',
    platform: 'linux-x64',
    log: {
      dropped: 0,
      write(text) {
        for (const line of text.trim().split('\n')) log.push(JSON.parse(line) as LogLine);
      },
    },
    ...(setUp.clock === undefined ? {} : { clock: setUp.clock }),
    ...(setUp.registry === undefined ? {} : { registry: setUp.registry }),
    ...(setUp.cluster === undefined ? {} : { cluster: setUp.cluster }),
    ...(setUp.memory === undefined ? {} : { memory: setUp.memory }),
    ...(setUp.gateParts === undefined ? {} : { gateParts: setUp.gateParts }),
    ...(setUp.audit === undefined ? {} : { audit: setUp.audit }),
  });
  const { port, internalPort } = await relay.start();
  return {
    relay,
    port,
    internalPort,
    log,
    async metric(series) {
      const answer = await fetch(`http://127.0.0.1:${internalPort}/metrics`);
      return sumOf(await answer.text(), series);
    },
    [Symbol.asyncDispose]: () => relay.stop(),
  };
}

export interface ClientAttempt {
  readonly protocols?: readonly string[];
  readonly waitSeconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Opens `/client/ID`. The socket of an `open` outcome is paused. */
export function openClient(port: number, id: string, attempt: ClientAttempt = {}): Promise<LinkDialOutcome> {
  const { protocols = [STREAM], waitSeconds, ...rest } = attempt;
  return dialLink(clientUrl(port, id, waitSeconds), {
    protocols,
    timeoutMs: 30_000,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    ...rest,
  });
}

/** The same as the clients do it: a stream without messages. */
export function openClientStream(
  port: number,
  id: string,
  { protocols = [STREAM], waitSeconds, ...rest }: ClientAttempt = {},
): Promise<StreamDialOutcome> {
  const options = { protocols, timeoutMs: 30_000, clock: systemClock, ...rest };
  return dialStream(clientUrl(port, id, waitSeconds), options);
}

function clientUrl(port: number, id: string, waitSeconds: number | undefined): URL {
  const query = waitSeconds === undefined ? '' : `?wait=${waitSeconds}`;
  return new URL(`ws://127.0.0.1:${port}${clientPath(id)}${query}`);
}

/** A connection below HTTP, for peers that do not keep to it. */
export interface RawConnection extends Disposable {
  readonly socket: Socket;
  /** What came back so far. */
  readonly received: () => string;
  /** Resolves when the connection is gone, with all that came back. */
  readonly closed: Promise<string>;
}

/** Connects, from an address of 127.0.0.0/8 if one is given, and sends `text`. Errors of the connection count as its end. */
export async function openRaw(port: number, text: string, localAddress?: string): Promise<RawConnection> {
  const from = localAddress === undefined ? {} : { localAddress };
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, ...from });
  let received = '';
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.setEncoding('latin1');
  socket.on('error', () => undefined);
  socket.on('data', (data: string) => {
    received += data;
  });
  socket.on('end', () => socket.end());
  socket.on('close', () => {
    resolve(received);
  });
  await once(socket, 'connect');
  socket.write(text);
  return {
    socket,
    received: () => received,
    closed: promise,
    [Symbol.dispose]: () => {
      socket.destroy();
    },
  };
}

/** The text of a WebSocket handshake. */
export function handshakeText(path: string, headers: Readonly<Record<string, string>> = {}): string {
  const all = {
    Host: 'relay.test',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n');
}
