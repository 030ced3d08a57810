// A stranger writes a forged PROXY header, or none and nothing at all: they want another's address, or a balancer's patience.
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { PROXY_HEADER_WITHIN_MS } from '../../services/relay/http/listener/balanced-connections.ts';
import { MAX_V1_BYTES, MAX_V2_BYTES } from '../../services/relay/http/listener/proxy-header.ts';
import { proxyV2 } from '../support/relay/proxy-header.ts';
import type { RunningRelay } from '../support/relay/relay.ts';
import { openRelay } from '../support/relay/test-relay.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { settle, until } from '../support/time/poll.ts';

const BALANCER = '127.0.0.2';
const V1 = 'PROXY TCP4 198.51.100.7 127.0.0.1 1 2\r\n';
const V2 = proxyV2(0x21, 0x11, Buffer.from([198, 51, 100, 7, 127, 0, 0, 1, 0, 1, 0, 2]));
const REQUEST = 'GET /client/-bad HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const MALFORMED = 'converge_malformed_requests_total{reason="proxy_header"}';

async function start(env: Readonly<Record<string, string>> = { PROXY_PROTOCOL_FROM: BALANCER }) {
  const clock = new ManualClock();
  const running = await openRelay({ clock, env });
  return { clock, running };
}

interface Peer {
  readonly socket: Socket;
  readonly received: () => string;
}

/** Connects from `localAddress`. */
function open({ port }: RunningRelay, localAddress: string): Peer {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  onTestFinished(() => {
    socket.destroy();
  });
  let received = '';
  socket.on('error', () => undefined);
  socket.on('data', (data: Buffer) => {
    received += data.toString('latin1');
  });
  return { socket, received: () => received };
}

function addresses({ log }: RunningRelay): unknown[] {
  return log.flatMap((line) => (line['address'] === undefined ? [] : [line['address']]));
}

test.each([
  ['version 1', Buffer.from(V1)],
  ['version 2', V2],
])('who is no balancer gains no address by a header of %s', async (_, header) => {
  for (const env of [{}, { PROXY_PROTOCOL_FROM: BALANCER }, { PROXY_PROTOCOL_FROM: '::1,10.0.0.0/8' }]) {
    const { running } = await start(env);
    const { socket, received } = open(running, '127.0.0.1');
    socket.write(Buffer.concat([header, Buffer.from(REQUEST)]));
    await until('it is refused', () => received().startsWith('HTTP/1.1 400 '));
    expect(addresses(running)).toEqual(['127.0.0.1']);
    expect(await running.metric(MALFORMED)).toBe(0);
  }
});

test.each([
  ['a request without a header', REQUEST],
  ['a second header', V1 + V1 + REQUEST],
  ['a header that says an address which is none', `PROXY TCP4 999.1.1.1 127.0.0.1 1 2\r\n${REQUEST}`],
  ['a header without an end', `PROXY TCP4 ${'1'.repeat(MAX_V1_BYTES)}`],
  ['a header of the greatest length that it can say', proxyV2(0x21, 0x11, Buffer.alloc(65_535))],
  ['a command that there is not', proxyV2(0x2f, 0x11, Buffer.alloc(12))],
])('a balancer that sends %s is refused', async (what, bytes) => {
  const { running } = await start();
  const { socket, received } = open(running, BALANCER);
  socket.write(bytes);
  await until('it is closed', () => socket.closed);
  if (what === 'a second header') {
    // The first one counts, and what follows is no HTTP.
    expect(received()).toMatch(/^HTTP\/1\.1 400 /);
    expect(addresses(running)).toEqual(['198.51.100.7']);
    return;
  }
  expect(received()).toBe('');
  expect(await running.metric(MALFORMED)).toBe(1);
  expect(addresses(running)).toEqual([BALANCER]);
});

test('a header that comes a byte at a time is read, and what follows it is served', async () => {
  const { running } = await start();
  for (const header of [Buffer.from(V1), V2]) {
    const { socket, received } = open(running, BALANCER);
    socket.setNoDelay(true);
    for (const byte of header) {
      socket.write(Buffer.from([byte]));
      await settle();
    }
    socket.write(REQUEST);
    await until('it is answered', () => received().includes('invalid_id'));
  }
  expect(addresses(running)).toEqual(['198.51.100.7', '198.51.100.7']);
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['half a header of version 1', Buffer.from(V1.slice(0, 20))],
  ['half a header of version 2', V2.subarray(0, 20)],
  ['nearly all of the longest header', proxyV2(0x21, 0x11, Buffer.alloc(MAX_V2_BYTES - 16)).subarray(0, -1)],
])('a balancer that sends %s has as much time as every other, whatever it sends', async (_, bytes) => {
  const { clock, running } = await start();
  const { socket } = open(running, BALANCER);
  // The relay has it once it waits for its time to be over.
  const before = clock.pending;
  await until('it is accepted', () => clock.pending > before);
  socket.write(bytes);
  clock.advance(PROXY_HEADER_WITHIN_MS - 1);
  await settle();
  expect(socket.closed).toBe(false);
  clock.advance(1);
  await until('it is closed', () => socket.closed);
  expect(await running.metric(MALFORMED)).toBe(1);
});

test('a balancer that leaves before its header is nobody to be counted, and a relay that stops waits for none', async () => {
  const { clock, running } = await start();
  const before = clock.pending;
  const leaving = open(running, BALANCER);
  await until('it is accepted', () => clock.pending > before);
  leaving.socket.end();
  await until('it is forgotten', () => clock.pending === before);
  expect(await running.metric(MALFORMED)).toBe(0);
  const staying = open(running, BALANCER);
  await until('it is accepted', () => clock.pending > before);
  await running.relay.stop();
  await until('it is closed', () => staying.socket.closed);
});
