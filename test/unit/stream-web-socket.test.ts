// A WebSocket as a byte stream: bytes, pacing and every way to end, over loopback.
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import {
  CLOSE_WITHIN_MS,
  MAX_STREAM_MESSAGE_BYTES,
  WRITE_HIGH_BYTES,
  webSocketStream,
} from '#shared/stream/web-socket-stream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settle, until } from '../support/poll.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { openPair, type PairOptions } from '../support/web-socket-pair.ts';

async function open(options: PairOptions = {}) {
  const pair = await openPair({ maxPayload: MAX_STREAM_MESSAGE_BYTES, ...options });
  onTestFinished(() => pair[Symbol.asyncDispose]());
  const clock = new ManualClock();
  const stream = webSocketStream(pair.near.socket, pair.near.transport, clock);
  const sink = new RecordingSink();
  const far = pair.far.socket;
  const received: Buffer[] = [];
  far.on('message', (data: Buffer) => received.push(data));
  return { ...pair, stream, sink, clock, far, received, farText: () => Buffer.concat(received).toString() };
}

/** Resolves with the code and reason that the far end is closed with. */
async function farClose(far: import('ws').WebSocket): Promise<{ code: number; reason: string }> {
  const [code, reason] = (await once(far, 'close')) as [number, Buffer];
  return { code, reason: reason.toString() };
}

/** Writes until the kernel takes no more. */
async function fill(
  stream: ReturnType<typeof webSocketStream>,
  near: { bufferedAmount: number },
): Promise<number> {
  const chunk = Buffer.alloc(16 * 1024, 'x');
  let written = 0;
  for (;;) {
    written += chunk.length;
    if (stream.write(Buffer.from(chunk))) continue;
    const before = near.bufferedAmount;
    await settle();
    await settle();
    if (near.bufferedAmount === before && before >= WRITE_HIGH_BYTES) return written;
  }
}

test('moves bytes both ways, whatever the message boundaries', async () => {
  const { stream, sink, far, farText } = await open();
  stream.attach(sink);
  far.resume();
  far.send(Buffer.from('from '));
  far.send(Buffer.from('far'));
  far.send(Buffer.from(''));
  stream.write(Buffer.from('from '));
  stream.write(Buffer.from('near'));
  await until('bytes both ways', () => sink.text === 'from far' && farText() === 'from near');
});

test('reads nothing before somebody listens, and loses nothing', async () => {
  const { stream, sink, far, near } = await open();
  far.send(Buffer.from('early'));
  await until('the bytes have left', () => far.bufferedAmount === 0);
  await settle();
  expect(near.transport.isPaused()).toBe(true);
  stream.attach(sink);
  await until('the early bytes', () => sink.text === 'early');
});

test('refuses text with 1003', async () => {
  const { stream, sink, far } = await open();
  stream.attach(sink);
  far.resume();
  far.send('hello');
  expect(await farClose(far)).toEqual({ code: 1003, reason: 'text_on_stream' });
  expect(await sink.end).toEqual({ reason: 'text_on_stream' });
  expect(sink.chunks).toEqual([]);
});

test('refuses a message over the limit with 1009', async () => {
  const { stream, sink, far } = await open();
  stream.attach(sink);
  far.resume();
  far.send(Buffer.alloc(MAX_STREAM_MESSAGE_BYTES + 1));
  expect(await farClose(far)).toMatchObject({ code: 1009 });
  expect(await sink.end).toMatchObject({ reason: 'too_big' });
  expect(sink.bytes).toBe(0);
});

test('takes a message of exactly the limit', async () => {
  const { stream, sink, far } = await open();
  stream.attach(sink);
  far.send(Buffer.alloc(MAX_STREAM_MESSAGE_BYTES));
  await until('the message', () => sink.bytes === MAX_STREAM_MESSAGE_BYTES);
});

test('counts a message in fragments as one', async () => {
  const { stream, sink, far } = await open();
  stream.attach(sink);
  far.resume();
  far.send(Buffer.alloc(MAX_STREAM_MESSAGE_BYTES), { fin: false });
  far.send(Buffer.alloc(1), { fin: true });
  expect(await farClose(far)).toMatchObject({ code: 1009 });
});

test('a reader that is stuck stops the writer, and gets everything once it reads', async () => {
  const { stream, sink, far, near, received } = await open();
  stream.attach(sink);
  const written = await fill(stream, near.socket);
  expect(near.socket.bufferedAmount).toBeLessThan(WRITE_HIGH_BYTES + 17 * 1024);
  expect(sink.drains).toBe(0);
  far.resume();
  await until('the writer may go on', () => sink.drains === 1);
  await until('all bytes', () => received.reduce((sum, chunk) => sum + chunk.length, 0) === written);
  expect(sink.drains).toBe(1);
});

test('tiny messages to a stuck reader are bounded too', async () => {
  const { stream, sink, near } = await open();
  stream.attach(sink);
  await fill(stream, near.socket);
  let taken = 0;
  while (taken < 10_000 && stream.write(Buffer.from('x'))) taken += 1;
  expect(taken).toBe(0);
});

test('pause stops the flow, resume lets it go on', async () => {
  const { stream, sink, far } = await open();
  stream.attach(sink);
  stream.pause();
  stream.pause();
  for (let count = 0; count < 20; count += 1) far.send(Buffer.alloc(32 * 1024));
  await until('the kernel has taken what it takes', () => far.bufferedAmount < 20 * 32 * 1024);
  await settle();
  expect(sink.bytes).toBeLessThanOrEqual(128 * 1024);
  stream.resume();
  stream.resume();
  await until('all bytes', () => sink.bytes === 20 * 32 * 1024);
});

test('close delivers what was written first, and gives the reason as code and word', async () => {
  const { stream, sink, far, near, received } = await open();
  stream.attach(sink);
  const written = await fill(stream, near.socket);
  stream.close({ reason: 'expired' });
  stream.close({ reason: 'ended' });
  far.resume();
  expect(await farClose(far)).toEqual({ code: 4408, reason: 'expired' });
  expect(received.reduce((sum, chunk) => sum + chunk.length, 0)).toBe(written);
  expect(await sink.end).toEqual({ reason: 'expired' });
});

test('throws away what comes in after close', async () => {
  const { stream, sink, far } = await open();
  stream.attach(sink);
  stream.close({ reason: 'ended' });
  far.send(Buffer.from('too late'));
  far.resume();
  await sink.end;
  expect(sink.chunks).toEqual([]);
});

test('a peer that does not close is cut after the close time', async () => {
  const { stream, sink, far, near, clock } = await open();
  stream.attach(sink);
  await fill(stream, near.socket);
  stream.close({ reason: 'ended' });
  clock.advance(CLOSE_WITHIN_MS - 1);
  await settle();
  expect(sink.ends).toEqual([]);
  clock.advance(1);
  expect(await sink.end).toEqual({ reason: 'stuck' });
  far.resume();
  await once(far, 'close');
});

test('passes on the reason of a peer that closes', async () => {
  const { stream, sink, far } = await open();
  stream.attach(sink);
  far.resume();
  far.close(4404, 'agent_gone');
  expect(await sink.end).toEqual({ reason: 'agent_gone', detail: 'agent_gone' });
});

test('gives what came before a close first', async () => {
  const { stream, sink, far } = await open();
  stream.attach(sink);
  far.resume();
  for (let count = 0; count < 10; count += 1) far.send(Buffer.alloc(60_000));
  far.close(1000, 'ended');
  await sink.end;
  expect(sink.bytes).toBe(600_000);
});

test('a peer whose connection breaks is lost', async () => {
  const { stream, sink, far } = await open();
  stream.attach(sink);
  far.terminate();
  expect(await sink.end).toMatchObject({ reason: 'lost' });
  expect(stream.write(Buffer.from('x'))).toBe(true);
  stream.pause();
  stream.resume();
  stream.close({ reason: 'ended' });
  stream.cut({ reason: 'ended' });
  await settle();
  expect(sink.ends).toHaveLength(1);
});

test('cut is at once and keeps its reason', async () => {
  const { stream, sink, far } = await open();
  stream.attach(sink);
  far.resume();
  stream.cut({ reason: 'fault', detail: 'test' });
  stream.cut({ reason: 'ended' });
  expect(await sink.end).toEqual({ reason: 'fault', detail: 'test' });
});

test('a sink that comes after the end hears of it, but not from within attach', async () => {
  const { stream, sink, far, near } = await open();
  near.transport.resume();
  far.terminate();
  await once(near.socket, 'close');
  stream.attach(sink);
  expect(sink.ends).toEqual([]);
  expect(await sink.end).toMatchObject({ reason: 'lost' });
});

test('a sink that comes while the stream is closing hears of the end', async () => {
  const { stream, sink, far } = await open();
  stream.close({ reason: 'going_away' });
  stream.attach(sink);
  far.resume();
  expect(await sink.end).toEqual({ reason: 'going_away' });
});

test('a second attach is a fault', async () => {
  const { stream, sink } = await open();
  stream.attach(sink);
  expect(() => {
    stream.attach(sink);
  }).toThrow('twice');
});

test('an end leaves no timer behind', async () => {
  const { stream, sink, far, clock } = await open();
  stream.attach(sink);
  stream.close({ reason: 'ended' });
  far.resume();
  await sink.end;
  expect(clock.pending).toBe(0);
});
