// The peer dialler: what a dial order comes to, with pods that are there, gone, silent, or were replaced.
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ClusterKey } from '../../../../services/relay/hop/cluster-key.ts';
import { PEER_ANSWER_WITHIN_MS, PeerDialler } from '../../../../services/relay/hop/peer-dialler.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { until } from '../../../support/time/poll.ts';

const ORDER = { ticket: 'ticket', client: '192.0.2.1', resumable: true };

let clock: ManualClock;
let dialler: PeerDialler;
let server: Server | undefined;
const sockets: Socket[] = [];

beforeEach(() => {
  clock = new ManualClock();
  dialler = new PeerDialler(new ClusterKey(['a secret of at least thirty-two letters']), clock);
});
afterEach(async () => {
  dialler.stop();
  dialler.stop();
  server?.closeAllConnections();
  server?.close();
  if (server?.listening === true) await once(server, 'close');
  sockets.length = 0;
});

/** A pod; gives its address. */
async function listen(answer: RequestListener): Promise<string> {
  server = createServer(answer);
  server.on('connection', (socket) => sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const answerWith =
  (status: number): RequestListener =>
  (request, response) => {
    request.resume().on('end', () => response.writeHead(status).end('{}'));
  };

test.for([
  [202, { kind: 'sent' }],
  [404, { kind: 'not_here' }],
  [401, { kind: 'failed', detail: 'the pod answered 401' }],
  [413, { kind: 'failed', detail: 'the pod answered 413' }],
  [500, { kind: 'failed', detail: 'the pod answered 500' }],
] as const)('an answer of %s', async ([status, outcome]) => {
  const address = await listen(answerWith(status));
  expect(await dialler.order(address, 'job', ORDER)).toEqual(outcome);
  expect(clock.pending).toBe(0);
});

test('a pod that refuses the connection is unreachable', async () => {
  expect(await dialler.order('127.0.0.1:1', 'job', ORDER)).toEqual({ kind: 'unreachable' });
  expect(await dialler.isListening('127.0.0.1:1')).toBe(false);
  expect(await dialler.isListening('[::1]:1')).toBe(false);
});

test.each(['127.0.0.1:99999', '256.0.0.1:1'])(
  'an address that is none, %s, is reached by nobody and ends nothing',
  async (address) => {
    expect(await dialler.isListening(address)).toBeUndefined();
    expect(await dialler.order(address, 'job', ORDER)).toMatchObject({ kind: 'failed' });
  },
);

test('a pod that says nothing may be there all the same, and is not asked twice', async () => {
  let asked = 0;
  const address = await listen(() => {
    asked += 1;
  });
  const ordered = dialler.order(address, 'job', ORDER);
  await until('it is asked', () => asked === 1);
  clock.advance(PEER_ANSWER_WITHIN_MS);
  expect(await ordered).toEqual({ kind: 'failed', detail: 'no answer within 2 s' });
  expect(await dialler.isListening(address)).toBe(true);
  expect(asked).toBe(1);
});

test('connections are kept, and one that breaks when it is used again is replaced', async () => {
  let asked = 0;
  const address = await listen((request, response) => {
    asked += 1;
    // As a server that closes an idle connection at the moment in which it is used.
    if (asked === 3) request.socket.destroy();
    else answerWith(202)(request, response);
  });
  expect(await dialler.order(address, 'job', ORDER)).toEqual({ kind: 'sent' });
  expect(await dialler.order(address, 'job', ORDER)).toEqual({ kind: 'sent' });
  expect(sockets).toHaveLength(1);
  expect(await dialler.order(address, 'job', ORDER)).toEqual({ kind: 'sent' });
  expect(asked).toBe(4);
  expect(sockets).toHaveLength(2);
});
