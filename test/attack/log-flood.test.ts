// A stranger asks for nonsense ten thousand times, and leaves before the answer: they want to fill the log, and to wake somebody.
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { SUMMARY_EVERY_MS } from '#shared/time/summary.ts';
import { handshakeText, openRaw } from '../support/relay/relay.ts';
import { openRelay } from '../support/relay/test-relay.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { settle, until } from '../support/time/poll.ts';

const REQUESTS = 10_000;
/** In bytes, for as many requests of as many kinds as one likes within an interval. */
const LOG_LIMIT_BYTES = 128 * 1024;
/** What is about to be an error line for somebody (pino's level "error"). */
const ERROR_LEVEL = 50;

const plain = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
const LONG = 'x'.repeat(8_000);

/** Answered over a connection that is kept. */
const ASKED: readonly string[] = [
  plain('/nowhere'),
  plain(`/${LONG}`),
  plain('/client/-bad'),
  plain(`/agent/${LONG}`),
  plain('/client/job'),
  plain('/%zz'),
  plain('/agent/%zz'),
  plain('/agent/job', `Upgrade: websocket\r\nSec-WebSocket-Protocol: ${'p,'.repeat(2_000)}p\r\n`),
  'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{',
  'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
];

/** Each on a connection of its own, which its peer resets at once. */
const LEFT: readonly string[] = [
  plain('/'),
  plain('/client/-bad'),
  handshakeText('/client/nobody'),
  handshakeText('/client/nobody?wait=60'),
  handshakeText('/agent/job'),
  handshakeText('/agent/-bad'),
  handshakeText('/agent/job/stream/TICKET'),
  'SSH-2.0-OpenSSH_9.2\r\n',
  `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(64 * 1024)}`,
  plain('/') + handshakeText('/client/x'),
  'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
];
const LEAVERS = 100 * LEFT.length;

/** Sends the requests over one connection, this many times, and waits for all answers. */
async function ask(port: number, text: string, times: number): Promise<void> {
  for (let asked = 0; asked < times; asked += 100) {
    const peer = await openRaw(
      port,
      text.repeat(99) + text.replace('Host: x', 'Host: x\r\nConnection: close'),
    );
    await peer.closed;
  }
}

async function leave(port: number, text: string): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(text);
  await settle();
  socket.resetAndDestroy();
}

test(`${REQUESTS} bad requests write a bounded log without an error in it, and are all counted`, async () => {
  const clock = new ManualClock();
  const running = await openRelay({ clock });
  const asked = (REQUESTS - LEAVERS) / ASKED.length;
  for (const text of ASKED) await ask(running.port, text, asked);
  for (let round = 0; round < LEAVERS / LEFT.length; round += 1)
    await Promise.all(LEFT.map((text) => leave(running.port, text)));
  // What the last of them asked for is through once somebody else is answered.
  for (let round = 0; round < 3; round += 1)
    expect((await fetch(`http://127.0.0.1:${running.port}/`)).status).toBe(200);
  await until('nobody waits', async () => (await running.metric('converge_pending_dials')) === 0);
  clock.advance(SUMMARY_EVERY_MS);

  const lines = running.log.map((line) => JSON.stringify(line));
  expect(running.log.filter(({ level }) => level >= ERROR_LEVEL)).toEqual([]);
  expect(lines.reduce((sum, line) => sum + line.length + 1, 0)).toBeLessThan(LOG_LIMIT_BYTES);
  // Every refusal that was counted was reported, individually or in a number.
  const told = running.log.filter(({ msg }) => msg === 'request refused').length;
  const more = running.log.filter(
    (line) => line.msg === 'more of the same' && line['repeated'] === 'request refused',
  );
  const counted = more.reduce((sum, line) => sum + (line['count'] as number), 0);
  expect(told + counted).toBe(await running.metric('converge_refusals_total'));
  expect(told + counted).toBeGreaterThan(REQUESTS / 2);
  for (const line of more) expect(line['addresses']).toEqual({ '127.0.0.1': line['count'] });
  // Whoever is gone had an address.
  for (const line of running.log) expect([undefined, '127.0.0.1']).toContain(line['address']);
});

test('one who floods does not hide what happens to the others', async () => {
  const running = await openRelay({ clock: new ManualClock(), env: { TRUST_PROXY: 'loopback' } });
  const from = (address: string) => plain('/client/job', `X-Forwarded-For: ${address}\r\n`);
  await ask(running.port, from('198.51.100.1'), 500);
  await ask(running.port, from('198.51.100.2'), 100);
  const told = running.log.filter(({ msg }) => msg === 'request refused').map((line) => line['address']);
  expect(told.filter((address) => address === '198.51.100.1')).toHaveLength(10);
  expect(told.filter((address) => address === '198.51.100.2')).toHaveLength(10);
});
