// The mask of outgoing frames: what the environment asks for, and what is on the wire then.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { dialStream } from '#shared/websocket/dial-stream.ts';
import { acceptValueFor } from '#shared/websocket/handshake.ts';
import { type Mask, maskFrom } from '#shared/websocket/mask-choice.ts';
import { parseWsproxyCommand } from '../../../../services/clients/wsproxy/cli.ts';
import { listening } from '../../../support/network/ports.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { until } from '../../../support/time/poll.ts';

const KEY_BYTES = { from: 2, to: 6 } as const;

/** What a server sees of `text`, sent in one frame. */
async function bytesOnTheWire(text: string, mask?: Mask): Promise<Buffer> {
  const http = createServer();
  const upgraded = once(http, 'upgrade') as Promise<[{ headers: Record<string, string> }, Socket]>;
  await using server = await listening(http);
  const url = new URL(`ws://127.0.0.1:${server.port}/`);
  const dialling = dialStream(url, { protocols: ['p'], timeoutMs: 10_000, clock: new ManualClock(), mask });
  const [request, socket] = await upgraded;
  onTestFinished(() => {
    socket.destroy();
  });
  const accept = acceptValueFor(request.headers['sec-websocket-key'] ?? '');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: p\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  const outcome = await dialling;
  if (outcome.kind !== 'open') throw new Error(outcome.kind);
  const payload = Buffer.from(text);
  outcome.stream.write(payload);
  expect(payload.toString()).toBe(text);
  await until('the frame', () => Buffer.concat(received).length === KEY_BYTES.to + text.length);
  outcome.stream.cut({ reason: 'ended' });
  socket.destroy();
  return Buffer.concat(received);
}

test.each([['zero' as const], [undefined]])(
  'a mask of %s leaves the payload as it is, and the frame is still marked as masked',
  async (mask) => {
    const frame = await bytesOnTheWire('SSH-2.0-x', mask);
    expect(frame.subarray(0, KEY_BYTES.to)).toEqual(Buffer.from([0x82, 0x80 | 9, 0, 0, 0, 0]));
    expect(frame.subarray(KEY_BYTES.to).toString()).toBe('SSH-2.0-x');
  },
);

test('a random mask is not zero, and leaves the chunk as it is', async () => {
  const frame = await bytesOnTheWire('SSH-2.0-x', 'random');
  const key = frame.subarray(KEY_BYTES.from, KEY_BYTES.to);
  expect(key).not.toEqual(Buffer.alloc(4));
  const payload = frame.subarray(KEY_BYTES.to).map((byte, at) => byte ^ (key[at & 3] ?? 0));
  expect(Buffer.from(payload).toString()).toBe('SSH-2.0-x');
});

test.each([
  [undefined, 'zero'],
  ['', 'zero'],
  ['zero', 'zero'],
  ['random', 'random'],
])('CONVERGE_MASK=%s means %s', (value, mask) => {
  expect(maskFrom({ CONVERGE_MASK: value })).toEqual({ kind: 'mask', mask });
  const command = parseWsproxyCommand(['ws://relay/client/x'], { CONVERGE_MASK: value });
  expect(command).toMatchObject({ kind: 'run', destination: { mask } });
});

test('any other value is refused by name', () => {
  expect(maskFrom({ CONVERGE_MASK: 'none' })).toEqual({
    kind: 'invalid',
    message: 'CONVERGE_MASK is "none": it can be zero or random',
  });
  expect(parseWsproxyCommand(['ws://relay/client/x'], { CONVERGE_MASK: '1' }).kind).toBe('invalid');
});
