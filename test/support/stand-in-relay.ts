// A stand-in for a relay: answers /client/ID by script, and hands the streams to the test.
import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { REFUSALS, type RefusalCode } from '#shared/protocol/refusals.ts';

/** Undefined: accept. A number: that status without a body of a relay. 'silence': no answer at all. */
export type Answer = RefusalCode | number | 'silence' | undefined;

export interface StandInRelay {
  readonly port: number;
  /** What was asked, in order: path and query as they came. */
  readonly asked: string[];
  /** `SCHEME://HOST:PORT/client/ID`. */
  url(host?: string): string;
  close(): Promise<void>;
}

export interface StandInOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
  /** The answer to the nth request, from 0. */
  readonly answer?: (n: number) => Answer;
  /** Called for every stream that was accepted. */
  readonly serve?: (socket: WebSocket) => void;
}

export async function startStandInRelay(options: StandInOptions = {}): Promise<StandInRelay> {
  const { tls, answer = () => undefined, serve = () => undefined } = options;
  const server: Server = tls === undefined ? createHttpServer() : createHttpsServer(tls);
  const upgrader = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const connections = new Set<Duplex>();
  const asked: string[] = [];
  server.on('connection', (connection: Duplex) => {
    connections.add(connection);
    connection.on('error', () => undefined);
  });
  server.on('upgrade', (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    connections.add(connection);
    const decision = answer(asked.length);
    asked.push(request.url ?? '');
    if (decision === 'silence') return;
    if (decision === undefined) upgrader.handleUpgrade(request, connection, head, serve);
    else refuse(connection, decision);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    asked,
    url: (host = '127.0.0.1') => `${tls === undefined ? 'ws' : 'wss'}://${host}:${port}/client/job-1`,
    async close() {
      for (const connection of connections) connection.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function refuse(connection: Duplex, decision: RefusalCode | number): void {
  const status = typeof decision === 'number' ? decision : REFUSALS[decision].status;
  const body =
    typeof decision === 'number'
      ? 'nobody you know'
      : JSON.stringify({ code: decision, message: `the stand-in says ${decision}` });
  connection.end(
    `HTTP/1.1 ${status} No\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
}
