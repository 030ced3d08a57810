// The listener of tcptows: every TCP connection becomes a client stream of its own.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { fromNodeStreams } from '#shared/stream/node-stream.ts';
import type { Clock } from '#shared/time/clock.ts';
import { CLOSE_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import type { ClientDestination } from '../command-line/destination.ts';
import { connect } from '../connection/connect.ts';
import { runVisit } from '../connection/visit.ts';
import type { ClientIdentity } from '../identity/client-prover.ts';
import { introduce } from '../identity/introduce.ts';
import type { Introduction } from '../identity/introduction.ts';

export interface TcptowsOptions {
  readonly destination: ClientDestination;
  readonly identity: ClientIdentity;
  readonly bind: string;
  /** 0: any free one. */
  readonly port: number;
  readonly clock: Clock;
  /** Takes a line for the person: which connection failed, and why. */
  readonly report: (line: string) => void;
}

export interface Tcptows {
  readonly kind: 'listening';
  readonly address: AddressInfo;
  /** Stops listening and closes every connection, delivering what was received. May be called twice. */
  readonly stop: () => Promise<void>;
}

export type TcptowsOutcome = Tcptows | { readonly kind: 'failed'; readonly code: string };

/** Listens. `failed` with the system's code (EADDRINUSE, …) if that does not work. */
export async function startTcptows(options: TcptowsOptions): Promise<TcptowsOutcome> {
  const stopping = new AbortController();
  const { identity, clock, report } = options;
  const { target, proxy } = options.destination;
  const { signal } = stopping;
  // What one connection has proved counts for all.
  const introduction = introduce({ identity, ...target, proxy, clock, notify: report, signal });
  const running = new Set<Promise<void>>();
  // Paused: not a byte is read before the relay accepted.
  const server = createServer({ pauseOnConnect: true, noDelay: true, keepAlive: true }, (socket) => {
    const connection = serve(socket, options, introduction, signal).finally(() => running.delete(connection));
    running.add(connection);
  });
  const failure = await listen(server, options);
  if (failure !== undefined) return { kind: 'failed', code: failure };
  let stopped: Promise<void> | undefined;
  return {
    kind: 'listening',
    address: server.address() as AddressInfo,
    stop() {
      stopped ??= (async () => {
        server.close();
        stopping.abort();
        await Promise.all(running);
      })();
      return stopped;
    },
  };
}

function listen(server: Server, { bind, port }: TcptowsOptions): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  server.on('error', (error: NodeJS.ErrnoException) => {
    // After it listens, a connection that could not be accepted (EMFILE): that one is lost, the others go on.
    resolve(error.code ?? error.message);
  });
  server.listen({ host: bind, port }, () => {
    resolve(undefined);
  });
  return promise;
}

async function serve(
  socket: Socket,
  options: TcptowsOptions,
  introduction: Introduction,
  stopping: AbortSignal,
): Promise<void> {
  const { destination, clock, report } = options;
  const peer = `${socket.remoteAddress}:${socket.remotePort}`;
  const gone = new AbortController();
  socket.once('close', () => {
    gone.abort();
  });
  const local = fromNodeStreams(socket, socket, { clock, closeWithinMs: CLOSE_WITHIN_MS });
  const signal = AbortSignal.any([stopping, gone.signal]);
  const say = (line: string): void => {
    report(`connection from ${peer}: ${line}`);
  };
  const outcome = await connect({ ...destination, introduction, clock, signal, notify: say });
  if (outcome.kind !== 'connected') {
    local.cut({ reason: 'lost' });
    if (outcome.kind !== 'aborted') say(outcome.message);
    return;
  }
  const { message } = await runVisit({ local, connected: outcome, clock, signal: stopping });
  if (message !== undefined) say(message);
}
