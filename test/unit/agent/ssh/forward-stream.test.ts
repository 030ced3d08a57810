// A forwarded stream: its socket is not kept for a client that is gone.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import type { ServerChannel } from 'ssh2';
import { afterEach, expect, test } from 'vitest';
import { TransportGate } from '../../../../services/agent/ssh/channel/transport-gate.ts';
import { joinForward } from '../../../../services/agent/ssh/forward/forward-stream.ts';
import { FakeChannel } from '../../../support/ssh/fake-channel.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

let server: Server | undefined;

afterEach(() => {
  server?.close();
});

/** Connected to somebody who never reads. */
async function connectToStuck(): Promise<Socket> {
  server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}

test('cuts a socket that does not take the last bytes of a channel which the client has closed', async () => {
  const clock = new ManualClock();
  const channel = new FakeChannel();
  const socket = await connectToStuck();
  let isOver = false;
  joinForward({
    socket,
    channel: channel as unknown as ServerChannel,
    gate: new TransportGate(new PassThrough()),
    clock,
    onActivity() {},
    onEnded: () => {
      isOver = true;
    },
  });
  for (let chunk = 0; chunk < 400; chunk++) channel.push(Buffer.alloc(65_536));
  // ssh2 ends it on CHANNEL_CLOSE, and says 'close' only when all has been read.
  channel.stderr.end();
  await once(channel.stderr, 'finish');
  expect(socket.destroyed).toBe(false);
  clock.advance(10_000);
  await once(socket, 'close');
  expect(isOver).toBe(true);
});
