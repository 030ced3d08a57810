// A stranger waits for an agent that never comes, and sends as much as possible before the answer: they want the relay's memory.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { MAX_EARLY_BYTES } from '../../services/relay/http/route/waiting-socket.ts';
import { handshakeText, openRaw, type RawConnection } from '../support/relay/relay.ts';
import { openRelay } from '../support/relay/test-relay.ts';
import { settle, until } from '../support/time/poll.ts';

const CLIENTS = 200;
const KIB = 1024;
const EARLY = 'converge_malformed_requests_total{reason="early"}';
/** Of a client that waits, for its socket and its request, in bytes of buffers; both ends are in this process. */
const BUFFERS_BESIDE_BYTES = 2 * KIB;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What all buffers of this process hold, whoever looks at how much of them. */
async function heldBytes(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    await settle();
    collectGarbage();
  }
  return process.memoryUsage().arrayBuffers;
}

async function openWaiting(port: number, behind: string): Promise<RawConnection> {
  const peer = await openRaw(port, handshakeText('/client/nobody?wait=120') + behind);
  onTestFinished(() => {
    peer[Symbol.dispose]();
  });
  return peer;
}

async function openAll(port: number, behind = ''): Promise<RawConnection[]> {
  return Promise.all(Array.from({ length: CLIENTS }, () => openWaiting(port, behind)));
}

test.each([
  ['with the handshake', 64 * KIB, ''],
  ['after the handshake', 0, 'x'.repeat(64 * KIB)],
])(
  `${CLIENTS} clients that send 64 KiB %s hold nothing: they are cut and counted`,
  async (_, withIt, after) => {
    const running = await openRelay();
    const before = await heldBytes();
    const peers = await openAll(running.port, 'x'.repeat(withIt));
    for (const { socket } of peers) if (after !== '') socket.write(after);
    await until('all are cut', async () => (await running.metric(EARLY)) === CLIENTS);
    await Promise.all(peers.map(({ closed }) => closed));
    expect((await heldBytes()) - before).toBeLessThan(CLIENTS * BUFFERS_BESIDE_BYTES);
  },
);

test.each([
  ['in one piece', MAX_EARLY_BYTES],
  ['a byte at a time', 1],
])('clients that send as much as they may, %s, hold no more than that', async (_, pieceBytes) => {
  const running = await openRelay();
  const before = await heldBytes();
  const peers = await openAll(running.port);
  const sent = pieceBytes === 1 ? 64 : MAX_EARLY_BYTES;
  for (let at = 0; at < sent; at += pieceBytes) {
    for (const { socket } of peers) socket.write(Buffer.alloc(pieceBytes));
    await settle();
  }
  await until('all is sent', () => peers.every(({ socket }) => socket.writableLength === 0));
  expect((await heldBytes()) - before).toBeLessThan(CLIENTS * (Math.max(sent, 256) + BUFFERS_BESIDE_BYTES));
  expect(await running.metric(EARLY)).toBe(0);
  // They are still waited for, and the next byte ends that.
  if (sent < MAX_EARLY_BYTES) return;
  for (const { socket } of peers) socket.write('x');
  await until('all are cut', async () => (await running.metric(EARLY)) === CLIENTS);
});
