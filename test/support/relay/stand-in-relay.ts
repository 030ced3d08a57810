// A stand-in for a relay with an agent behind it: answers /client/ID by script, and hands the sessions to the test.
import { randomBytes } from 'node:crypto';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { CLOSE_REASONS, type CloseReason } from '#shared/protocol/close-reasons.ts';
import { type IdentityKind, PASS_HEADER } from '#shared/protocol/identity.ts';
import { REFUSALS, type RefusalCode } from '#shared/protocol/refusals.ts';
import { parseSubprotocols, RESUME } from '#shared/protocol/subprotocols.ts';
import { RESUME_WINDOW_MS } from '#shared/resume/limits.ts';
import type { ResumeEvent } from '#shared/resume/resume-events.ts';
import { ResumableStreamTable, type StreamOrigin } from '#shared/resume/stream-table.ts';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import { duplexOf } from '#shared/stream/duplex.ts';
import { type Clock, systemClock } from '#shared/time/clock.ts';
import { messageStream } from '../stream/message-stream.ts';

/** A relay that asks who comes. */
export interface StandInGate {
  readonly kinds: readonly IdentityKind[];
  /** The refusal for what a dial shows; undefined lets it in. */
  readonly judge: (headers: IncomingMessage['headers']) => RefusalCode | undefined;
  /** Given to whoever is let in. */
  readonly pass?: string;
  /** More that it says of what it asks for. */
  readonly demand?: object;
}

/** Undefined: accept. A number: that status without a body of a relay. 'silence': no answer at all. */
export type StandInAnswer = RefusalCode | number | 'silence' | undefined;

export interface StandInRelay {
  readonly port: number;
  /**
   * Of its own, before every path. A client of another test may still be dialling a relay that had this port before: it is told
   * that nothing is here, and nothing counts that.
   */
  readonly prefix: string;
  /** What was asked, in order: path and query, behind the prefix. */
  readonly asked: string[];
  /** The close code of every transport that is gone, in the order of their ends. */
  readonly closed: number[];
  /** What the agent's ends of the sessions met. */
  readonly events: ResumeEvent[];
  /** `SCHEME://HOST:PORT/PREFIX/client/ID`. */
  url(host?: string): string;
  /** Ends all transports, with a close frame for the reason or, for `lost`, with none. */
  drop(reason: CloseReason): void;
  /** The agent is another one from here on, which knows of no session. */
  replaceAgent(): void;
  close(): Promise<void>;
}

export interface StandInOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
  /** The answer to the nth request, from 0. */
  readonly answer?: (n: number) => StandInAnswer;
  /** Before it answers as above. */
  readonly gate?: StandInGate;
  /** Answers what is no upgrade. */
  readonly request?: RequestListener;
  /** Called for every session that begins, with the agent's end of it. */
  readonly serve?: (session: ByteStream, kind: StreamOrigin<undefined>['kind']) => void;
  /** Of the agent's ends; the connections below are timed by the machine's own clock. */
  readonly clock?: Clock;
  readonly resumeWindowMs?: number;
}

export async function startStandInRelay(options: StandInOptions = {}): Promise<StandInRelay> {
  const { tls, gate, answer = () => undefined } = options;
  const server: Server = tls === undefined ? createHttpServer() : createHttpsServer(tls);
  const prefix = `/${randomBytes(4).toString('hex')}`;
  const upgrader = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const connections = new Set<Duplex>();
  const transports = new Set<WebSocket>();
  const asked: string[] = [];
  const closed: number[] = [];
  const events: ResumeEvent[] = [];
  let agent = createAgent(options, events);
  const isOurs = (request: IncomingMessage): boolean => {
    const { url = '' } = request;
    if (!url.startsWith(`${prefix}/`)) return false;
    request.url = url.slice(prefix.length);
    return true;
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (options.request !== undefined && isOurs(request)) options.request(request, response);
    else response.writeHead(404).end();
  });
  if (gate?.pass !== undefined)
    upgrader.on('headers', (headers) => headers.push(`${PASS_HEADER}: ${gate.pass}`));
  server.on('connection', (connection: Duplex) => {
    connections.add(connection);
    connection.on('error', () => undefined);
  });
  server.on('upgrade', (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    connections.add(connection);
    if (!isOurs(request)) return refuse(connection, 404, undefined);
    const decision = gate?.judge(request.headers) ?? answer(asked.length);
    asked.push(request.url ?? '');
    if (decision === 'silence') return;
    if (decision !== undefined) return refuse(connection, decision, gate);
    upgrader.handleUpgrade(request, connection, head, (socket) => {
      transports.add(socket);
      socket.on('close', (code) => {
        transports.delete(socket);
        closed.push(code);
      });
      const resumable = parseSubprotocols(request.headers['sec-websocket-protocol']).includes(RESUME);
      agent.accept(messageStream(socket), { expects: resumable ? 'resume' : 'unknown', info: undefined });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    prefix,
    asked,
    closed,
    events,
    url: (host = '127.0.0.1') =>
      `${tls === undefined ? 'ws' : 'wss'}://${host}:${port}${prefix}/client/job-1`,
    drop(reason) {
      for (const socket of transports) {
        if (reason === 'lost') socket.terminate();
        else socket.close(CLOSE_REASONS[reason].code, reason);
      }
    },
    replaceAgent() {
      agent = createAgent(options, events);
    },
    async close() {
      for (const connection of connections) connection.destroy();
      agent.stop({ reason: 'ended' });
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** For `serve`: what comes goes back. */
export function echo(session: ByteStream): void {
  const duplex = duplexOf(session);
  duplex.on('error', () => undefined);
  duplex.pipe(duplex);
}

/** For `serve`: one byte, and then it listens. */
export function greet(session: ByteStream): void {
  duplexOf(session).write('x');
}

/** For `serve`: says all of it, then ends the session. */
export function say(bytes: Buffer): (session: ByteStream) => void {
  return (session) => {
    const duplex = duplexOf(session);
    duplex.on('error', () => undefined);
    duplex.end(bytes);
  };
}

function createAgent(options: StandInOptions, events: ResumeEvent[]): ResumableStreamTable<undefined> {
  const { serve = () => undefined, clock = systemClock, resumeWindowMs = RESUME_WINDOW_MS } = options;
  return new ResumableStreamTable({
    clock,
    resumeWindowMs,
    onStream: (session, { kind }) => serve(session, kind),
    onEvent: (event) => events.push(event),
  });
}

function refuse(connection: Duplex, decision: RefusalCode | number, gate: StandInGate | undefined): void {
  const status = typeof decision === 'number' ? decision : REFUSALS[decision].status;
  const body =
    typeof decision === 'number'
      ? 'nobody you know'
      : JSON.stringify({
          code: decision,
          message: `the stand-in says ${decision}`,
          ...(gate === undefined
            ? {}
            : { identity: { ...gate.demand, kinds: gate.kinds, challenge: 'challenge' } }),
        });
  connection.end(
    `HTTP/1.1 ${status} No\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
}
