// Dialling a stream: the handshake as a server of ws sees it, and every answer that is not one.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { dialStream, type StreamDialOptions } from '#shared/websocket/dial-stream.ts';
import { acceptValueFor } from '#shared/websocket/handshake.ts';
import { listening } from '../../../support/network/ports.ts';
import { RecordingSink } from '../../../support/stream/recording-sink.ts';
import { asJson } from '../../../support/text/as-json.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { until } from '../../../support/time/poll.ts';

const clock = new ManualClock();
const TIMEOUT_MS = 10_000;

function dial(port: number, options: Partial<StreamDialOptions> = {}, path = '/agent/a') {
  const url = new URL(`ws://127.0.0.1:${port}${path}`);
  return dialStream(url, { clock, protocols: ['one', 'two'], timeoutMs: TIMEOUT_MS, ...options });
}

async function serve(server: Server): Promise<number> {
  const { port, ...listener } = await listening(server);
  onTestFinished(() => listener[Symbol.asyncDispose]());
  return port;
}

/** A server that answers each handshake with `answer`, and gives the socket. */
async function answering(answer: (key: string) => string): Promise<{ port: number; sockets: Socket[] }> {
  const server = createServer();
  const sockets: Socket[] = [];
  server.on('upgrade', (request, socket: Socket) => {
    sockets.push(socket);
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined);
    socket.write(answer(request.headers['sec-websocket-key'] ?? ''), 'latin1');
  });
  return { port: await serve(server), sockets };
}

test('ws accepts the handshake, and bytes go both ways', async () => {
  const server = createServer();
  const peers = new WebSocketServer({ server, handleProtocols: () => 'two' });
  const connected = once(peers, 'connection');
  const port = await serve(server);
  const outcome = await dial(port, { headers: { 'x-claim': 'c' } }, '/agent/a?wait=1#fragment');
  if (outcome.kind !== 'open') throw new Error(JSON.stringify(outcome));
  const [peer, request] = await connected;
  expect(request.url).toBe('/agent/a?wait=1');
  expect(request.headers['x-claim']).toBe('c');
  const sink = new RecordingSink();
  outcome.stream.attach(sink);
  outcome.stream.write(Buffer.from('up'));
  expect(String((await once(peer, 'message'))[0])).toBe('up');
  peer.send(Buffer.from('down'));
  await until('the answer', () => sink.text === 'down');
  outcome.stream.close({ reason: 'ended' });
  expect(await sink.end).toEqual({ reason: 'ended' });
  expect(clock.pending).toBe(0);
});

const UPGRADE = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n';

test.each([
  ['another protocol', () => `${UPGRADE}Upgrade: h2c\r\n\r\n`, 'upgrades to something else'],
  [
    'the answer to another handshake',
    () =>
      `${UPGRADE}Upgrade: websocket\r\nSec-WebSocket-Accept: ${acceptValueFor('x')}\r\nSec-WebSocket-Protocol: one\r\n\r\n`,
    'another handshake',
  ],
  [
    'an extension',
    (key: string) =>
      `${UPGRADE}Upgrade: websocket\r\nSec-WebSocket-Accept: ${acceptValueFor(key)}\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n`,
    'extension',
  ],
  [
    'no subprotocol',
    (key: string) => `${UPGRADE}Upgrade: websocket\r\nSec-WebSocket-Accept: ${acceptValueFor(key)}\r\n\r\n`,
    'no subprotocol',
  ],
  [
    'a subprotocol of its own',
    (key: string) =>
      `${UPGRADE}Upgrade: websocket\r\nSec-WebSocket-Accept: ${acceptValueFor(key)}\r\nSec-WebSocket-Protocol: three\r\n\r\n`,
    'three, which was not offered',
  ],
])('an upgrade with %s is none, and its connection is cut', async (_, answer, detail) => {
  const { port, sockets } = await answering(answer);
  const outcome = await dial(port);
  expect(outcome).toMatchObject({ kind: 'unreachable', code: 'PROTOCOL' });
  expect(outcome).toHaveProperty('detail', expect.stringContaining(detail));
  await until('it is cut', () => sockets[0]?.readableEnded === true || sockets[0]?.destroyed === true);
  expect(clock.pending).toBe(0);
});

test('an answer in HTTP is a refusal, with the words of a relay if it is one', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(404).end('{"code":"agent_not_found","message":"no agent"}');
  });
  const outcome = await dial(await serve(server));
  const refusal = { code: 'agent_not_found', message: 'no agent' };
  expect(asJson(outcome)).toEqual({ kind: 'refused', status: 404, refusal });
  const bare = createServer((_request, response) => response.writeHead(302, { location: '/' }).end());
  expect(await dial(await serve(bare))).toEqual({ kind: 'refused', status: 302, refusal: undefined });
  expect(clock.pending).toBe(0);
});

test('bytes that come with the answer are the first of the stream', async () => {
  const { port } = await answering(
    (key) =>
      `${UPGRADE}Upgrade: websocket\r\nSec-WebSocket-Accept: ${acceptValueFor(key)}\r\nSec-WebSocket-Protocol: one\r\n\r\n\u0082\u0005early`,
  );
  const outcome = await dial(port);
  if (outcome.kind !== 'open') throw new Error(JSON.stringify(outcome));
  const sink = new RecordingSink();
  outcome.stream.attach(sink);
  await until('the first bytes', () => sink.text === 'early');
  outcome.stream.cut({ reason: 'ended' });
  await sink.end;
});

test('nobody there: the word of the system', async () => {
  expect(await dial(1)).toMatchObject({ kind: 'unreachable', code: 'ECONNREFUSED' });
});

test('a peer that says nothing is given up after the time, one that hangs up at once', async () => {
  const accepted: Socket[] = [];
  const server = createTcpServer((socket) => accepted.push(socket));
  const { port, ...listener } = await listening(server);
  onTestFinished(() => listener[Symbol.asyncDispose]());
  const silent = dial(port);
  await until('it is connected', () => accepted.length === 1);
  clock.advance(TIMEOUT_MS);
  expect(await silent).toEqual({ kind: 'unreachable', code: 'TIMEOUT', detail: 'no answer within 10 s' });
  const hung = dial(port);
  await until('it is connected', () => accepted.length === 2);
  accepted[1]?.destroy();
  expect(await hung).toMatchObject({ kind: 'unreachable', code: 'ECONNRESET' });
  expect(clock.pending).toBe(0);
  for (const socket of accepted) socket.destroy();
});

test('it can be given up, before it begins and while it waits', async () => {
  const accepted: Socket[] = [];
  const server = createTcpServer((socket) => accepted.push(socket));
  const { port, ...listener } = await listening(server);
  onTestFinished(() => listener[Symbol.asyncDispose]());
  const over = AbortSignal.abort();
  expect(await dial(port, { signal: over })).toMatchObject({ kind: 'unreachable', code: 'ABORTED' });
  const abort = new AbortController();
  const waiting = dial(port, { signal: abort.signal });
  await until('it is connected', () => accepted.length >= 1);
  abort.abort();
  expect(await waiting).toMatchObject({ kind: 'unreachable', code: 'ABORTED' });
  for (const socket of accepted) socket.resume();
  await until('the connection is gone', () => accepted.every((socket) => socket.closed));
  expect(clock.pending).toBe(0);
});

test('through a proxy it asks for a tunnel', async () => {
  const server = createServer();
  const peers = new WebSocketServer({ server, handleProtocols: () => 'one' });
  const port = await serve(server);
  const asked: string[] = [];
  const proxy = createServer();
  proxy.on('connect', (request, client: Socket) => {
    asked.push(request.url ?? '');
    const tunnel = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.pipe(tunnel).pipe(client);
    });
  });
  const proxyPort = await serve(proxy);
  const connected = once(peers, 'connection');
  const outcome = await dial(port, { proxy: new URL(`http://127.0.0.1:${proxyPort}`) });
  if (outcome.kind !== 'open') throw new Error(JSON.stringify(outcome));
  await connected;
  expect(asked).toEqual([`127.0.0.1:${port}`]);
  const sink = new RecordingSink();
  outcome.stream.attach(sink);
  outcome.stream.close({ reason: 'ended' });
  await sink.end;
});

test('a tunnel that does not come is given up with its connection', async () => {
  const accepted: Socket[] = [];
  const server = createTcpServer((socket) => accepted.push(socket.resume()));
  const { port, ...listener } = await listening(server);
  onTestFinished(() => listener[Symbol.asyncDispose]());
  const dialled = dial(1, { proxy: new URL(`http://127.0.0.1:${port}`) });
  await until('the proxy was asked', () => (accepted[0]?.bytesRead ?? 0) > 0);
  clock.advance(TIMEOUT_MS);
  expect(await dialled).toMatchObject({ kind: 'unreachable', code: 'TIMEOUT' });
  await until('the connection is gone', () => accepted.every((socket) => socket.closed));
});

test.each([
  ['a-pass', 'a-pass'],
  ['a pass', undefined],
  ['', undefined],
  ['x'.repeat(2_000), undefined],
])('the pass of an answer is given on if it may be one: %j', async (pass, expected) => {
  const { port } = await answering((key) =>
    [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${acceptValueFor(key)}`,
      'Sec-WebSocket-Protocol: one',
      `Converge-Pass: ${pass}`,
      '',
      '',
    ].join('\r\n'),
  );
  const outcome = await dial(port);
  if (outcome.kind !== 'open') throw new Error(JSON.stringify(outcome));
  outcome.stream.cut({ reason: 'ended' });
  expect(outcome.pass).toBe(expected);
});
