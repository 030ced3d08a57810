// A stranger starts downloads and takes nothing more of them: they want the relay's memory and descriptors, for ever.
import { createHash, randomBytes } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { ANSWERS_LOOK_EVERY_MS, UNTAKEN_FOR_MS } from '../../services/relay/http/listener/untaken-answers.ts';
import { openRelay } from '../support/relay/test-relay.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { settle, until } from '../support/time/poll.ts';

const STOPPED = 100;
/** More than both ends' kernels hold. */
const CONTENT = randomBytes(64 * 1024 * 1024);
/**
 * A peer's slowest pace that is seen on loopback, in bytes. A kernel opens the window of a full reader only when a sixteenth of
 * the receive buffer is free, and lets that grow to 32 MiB.
 */
const SIP_BYTES = 2 * 1024 * 1024;

let downloads: string;

beforeAll(async () => {
  downloads = await mkdtemp(join(tmpdir(), 'stopped-downloads-'));
  await writeFile(join(downloads, 'agent-linux-x64'), CONTENT);
  const digest = createHash('sha256').update(CONTENT).digest('hex');
  await writeFile(join(downloads, 'SHA256SUMS'), `${digest}  agent-linux-x64\n`);
  return () => rm(downloads, { recursive: true });
});

/** Asks for the download, takes the first bytes, and stops. */
async function stop(port: number, headers = '', before = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => {
    socket.destroy();
  });
  socket.on('error', () => undefined);
  socket.write(`${before}GET /docs/agent HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
  await once(socket, 'readable');
  return socket;
}

/** The relay's ends of the connections that come from here on. */
function serverSockets(): readonly Socket[] {
  const sockets: Socket[] = [];
  const add = (message: unknown): void => void sockets.push((message as { readonly socket: Socket }).socket);
  subscribe('net.server.socket', add);
  onTestFinished(() => void unsubscribe('net.server.socket', add));
  return sockets;
}

/** How often the file is open in this process, which is the relay's too. */
async function openFiles(): Promise<number> {
  const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''));
  return (await Promise.all(links)).filter((path) => path === join(downloads, 'agent-linux-x64')).length;
}

test(`${STOPPED} downloads that take nothing are cut, with all that they held`, async () => {
  const clock = new ManualClock();
  const running = await openRelay({ clock, downloads });
  await Promise.all(Array.from({ length: STOPPED }, () => stop(running.port)));
  await until('all are under way', async () => (await openFiles()) === STOPPED);
  const cut = () => running.metric('converge_answers_untaken_total');
  const from = clock.now();
  for (let passed = 0; passed + ANSWERS_LOOK_EVERY_MS < UNTAKEN_FOR_MS; passed += ANSWERS_LOOK_EVERY_MS) {
    clock.advance(ANSWERS_LOOK_EVERY_MS);
    await settle();
  }
  expect(clock.now() - from).toBeLessThan(UNTAKEN_FOR_MS);
  expect(await cut()).toBe(0);
  await until('all are cut', async () => {
    clock.advance(ANSWERS_LOOK_EVERY_MS);
    return (await cut()) === STOPPED;
  });
  await until('their files are closed', async () => (await openFiles()) === 0);
  // Nothing is left to look at, and nobody looks any more.
  clock.advance(ANSWERS_LOOK_EVERY_MS);
  await settle();
  expect(await cut()).toBe(STOPPED);
});

test('a download behind another request is cut as well', async () => {
  const clock = new ManualClock();
  const running = await openRelay({ clock, downloads });
  await stop(running.port, '', 'GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n');
  await until('it is under way', async () => (await openFiles()) === 1);
  await until('it is cut', async () => {
    clock.advance(ANSWERS_LOOK_EVERY_MS);
    return (await running.metric('converge_answers_untaken_total')) === 1;
  });
  await until('its file is closed', async () => (await openFiles()) === 0);
});

test('a download that takes a little at a time goes on to its last byte', async () => {
  const clock = new ManualClock();
  const running = await openRelay({ clock, downloads });
  const served = serverSockets();
  const socket = await stop(running.port, 'Connection: close\r\n');
  const { localPort } = await stop(running.port);
  // Before the clock goes on: what the kernels still take of it would count as taken.
  let written = 0;
  await until('the one beside it stands still', () => {
    const its = served.find(({ remotePort }) => remotePort === localPort);
    const before = written;
    written = its?.bytesWritten ?? 0;
    return its?.writableNeedDrain === true && written === before;
  });
  const chunks: Buffer[] = [];
  let received = 0;
  const drinkUpTo = async (target: number): Promise<void> => {
    while (received < target) {
      const chunk = socket.read(Math.min(target - received, socket.readableLength)) as Buffer | null;
      if (chunk === null) {
        if (socket.destroyed) throw new Error(`cut after ${received} bytes`);
        await Promise.race([once(socket, 'readable'), once(socket, 'close')]);
      } else {
        chunks.push(chunk);
        received += chunk.length;
      }
    }
  };
  const cut = () => running.metric('converge_answers_untaken_total');
  const from = clock.now();
  // Until long after, and until the one beside it, which takes nothing, is gone.
  for (
    let target = SIP_BYTES;
    clock.now() - from < 4 * UNTAKEN_FOR_MS || (await cut()) < 1;
    target += SIP_BYTES
  ) {
    await drinkUpTo(target);
    clock.advance(ANSWERS_LOOK_EVERY_MS);
    await settle();
  }
  expect(await cut()).toBe(1);
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
  });
  await once(socket, 'end');
  const answer = Buffer.concat(chunks);
  const body = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
  expect(body.equals(CONTENT)).toBe(true);
});

test('who waits for an agent, or keeps a connection for later, is no such peer', async () => {
  const clock = new ManualClock();
  const running = await openRelay({ clock, downloads });
  const socket = connect(running.port, '127.0.0.1');
  onTestFinished(() => {
    socket.destroy();
  });
  socket.write('GET /docs/SHA256SUMS HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'readable');
  for (let passed = 0; passed < 2 * UNTAKEN_FOR_MS; passed += ANSWERS_LOOK_EVERY_MS) {
    clock.advance(ANSWERS_LOOK_EVERY_MS);
    await settle();
  }
  expect(await running.metric('converge_answers_untaken_total')).toBe(0);
  expect(socket.closed).toBe(false);
});
