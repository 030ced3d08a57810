// Dialling where nobody answers: which part of it took too long, for both kinds of WebSocket.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#shared/time/clock.ts';
import { dialLink, type LinkDialOptions } from '#shared/websocket/dial-link.ts';
import { dialStream } from '#shared/websocket/dial-stream.ts';

const LONG_MS = 60_000;
const SOON_MS = 100;

type Times = Pick<LinkDialOptions, 'timeoutMs' | 'connectWithinMs' | 'proxy'>;

const DIALS = {
  messages: (url: string, times: Times) =>
    dialLink(new URL(url), { protocols: [], maxMessageBytes: 1_024, ...times }),
  bytes: (url: string, times: Times) =>
    dialStream(new URL(url), { protocols: ['x'], clock: systemClock, ...times }),
};

let server: Server;
let sockets: Set<Socket>;
let port: number;

beforeEach(async () => {
  sockets = new Set();
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

describe.each(['messages', 'bytes'] as const)(
  'a server that takes connections for %s and says nothing',
  (kind) => {
    const dial = DIALS[kind];

    test('has not been asked before TLS is there', async () => {
      const outcome = await dial(`wss://127.0.0.1:${port}/`, {
        timeoutMs: LONG_MS,
        connectWithinMs: SOON_MS,
      });
      expect(outcome).toEqual({ kind: 'unreachable', code: 'TIMEOUT', detail: 'no connection within 0.1 s' });
    });

    test('has not been asked while it is the proxy that is silent', async () => {
      const proxy = new URL(`http://127.0.0.1:${port}`);
      const times = { timeoutMs: LONG_MS, connectWithinMs: SOON_MS, proxy };
      expect(await dial('ws://relay.example/', times)).toMatchObject({
        detail: 'no connection within 0.1 s',
      });
    });

    test('has been asked without TLS: then it has all of the time to answer', async () => {
      // The connection itself is there at once, and must be seen to be.
      const times = { timeoutMs: 3_000, connectWithinMs: 2_500 };
      const outcome = await dial(`ws://127.0.0.1:${port}/`, times);
      expect(outcome).toEqual({ kind: 'unreachable', code: 'TIMEOUT', detail: 'no answer within 3 s' });
    });
  },
);
