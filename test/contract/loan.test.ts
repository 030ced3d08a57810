// The loan of a socket: once it is lent, this process neither reads nor writes it; and a fault that comes with it ends the process.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { frameStream, lendSocket } from '#shared/websocket/frame-stream.ts';
import { openSockets, type SocketPair } from '../support/stream/socket-pair.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { until } from '../support/time/poll.ts';

/** What a socket of Node buffers before it stops to read, in bytes. */
const BUFFER_BYTES = 65_536;

/** Turns of the loop, in each of which a socket might be read. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Its socket is read, as after any handshake. */
function streamOver({ near }: SocketPair) {
  near.read(0);
  return frameStream({ socket: near, head: Buffer.alloc(0), isClient: false, clock: new ManualClock() });
}

test.each([0, 1, 1_000, BUFFER_BYTES - 1, BUFFER_BYTES, 1_000_000])(
  'a socket that had %i bytes for its stream is not read while it is lent',
  async (size) => {
    const sockets = await openSockets();
    const { near, far } = sockets;
    const stream = streamOver(sockets);
    far.write(Buffer.alloc(size));
    await until('it has come', () => near.readableLength >= Math.min(size, BUFFER_BYTES));
    const loan = lendSocket(stream);
    expect(loan?.head.length).toBe(near.bytesRead);
    far.write(Buffer.alloc(1_000));
    await turns();
    expect(near.bytesRead).toBe(loan?.head.length);
    expect(near.readableLength).toBe(0);
  },
);

test('a socket that is lent in the turn in which it was read is read no more', async () => {
  const sockets = await openSockets();
  const { near, far } = sockets;
  const stream = streamOver(sockets);
  let lent: ReturnType<typeof lendSocket>;
  const push = near.push.bind(near);
  near.push = (chunk: unknown, encoding?: BufferEncoding) => {
    const isRoom = push(chunk, encoding);
    lent ??= lendSocket(stream);
    return isRoom;
  };
  far.write(Buffer.alloc(1_000));
  await until('it is lent', () => lent !== undefined);
  far.write(Buffer.alloc(1_000));
  await turns();
  expect(near.bytesRead).toBe(1_000);
});

test('a stream with bytes to send is not lent, also if they wait for the end of the turn', async () => {
  const sockets = await openSockets();
  const stream = streamOver(sockets);
  stream.write(Buffer.from('hello'));
  expect(lendSocket(stream)).toBeUndefined();
  await until('it is sent', () => sockets.near.writableLength === 0);
  expect(lendSocket(stream)).toBeDefined();
});

test('who throws when a session comes back ends the process, as everywhere', async () => {
  const program = join(import.meta.dirname, 'pump-program.ts');
  await expect(promisify(execFile)(process.execPath, [program])).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('a fault of the relay'),
  });
});
