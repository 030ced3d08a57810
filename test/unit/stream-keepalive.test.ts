// Keepalive: a dead peer is found, one that is only held up is not.
import { expect, onTestFinished, test } from 'vitest';
import { PING_EVERY_MS, PONG_WITHIN_MS } from '#shared/stream/keepalive.ts';
import { webSocketStream } from '#shared/stream/web-socket-stream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settle, until } from '../support/poll.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { openPair } from '../support/web-socket-pair.ts';

async function open(far: { autoPong: boolean } = { autoPong: true }) {
  const pair = await openPair({ far });
  onTestFinished(() => pair[Symbol.asyncDispose]());
  const clock = new ManualClock();
  const stream = webSocketStream(pair.near.socket, pair.near.transport, clock);
  const sink = new RecordingSink();
  stream.attach(sink);
  let pings = 0;
  pair.far.socket.on('ping', () => {
    pings += 1;
  });
  pair.far.socket.resume();
  return { ...pair, clock, stream, sink, pings: () => pings };
}

test('pings a peer and keeps one that answers', async () => {
  const { clock, sink, pings, near } = await open();
  for (let round = 1; round <= 3; round += 1) {
    const read = near.transport.bytesRead;
    clock.advance(PING_EVERY_MS - PONG_WITHIN_MS);
    clock.advance(PONG_WITHIN_MS);
    await until('a ping', () => pings() === round);
    await until('its answer', () => near.transport.bytesRead > read);
  }
  expect(sink.ends).toEqual([]);
});

test('cuts a peer that does not answer, after the pong time and not before', async () => {
  const { clock, sink, pings } = await open({ autoPong: false });
  clock.advance(PING_EVERY_MS);
  await until('a ping', () => pings() === 1);
  clock.advance(PONG_WITHIN_MS - 1);
  await settle();
  expect(sink.ends).toEqual([]);
  clock.advance(1);
  expect(await sink.end).toEqual({ reason: 'unanswered_ping' });
  expect(clock.pending).toBe(0);
});

test('any byte counts as an answer', async () => {
  const { clock, sink, pings, far } = await open({ autoPong: false });
  clock.advance(PING_EVERY_MS);
  await until('a ping', () => pings() === 1);
  far.socket.send(Buffer.from('busy'));
  await until('the bytes', () => sink.text === 'busy');
  clock.advance(PONG_WITHIN_MS);
  await settle();
  expect(sink.ends).toEqual([]);
});

test('a paused stream is not cut: the answer waits unread', async () => {
  const { clock, sink, stream, pings } = await open();
  stream.pause();
  for (let round = 1; round <= 3; round += 1) {
    clock.advance(PING_EVERY_MS);
    await until('a ping', () => pings() === round);
  }
  await settle();
  expect(sink.ends).toEqual([]);
});

test('a stream that was paused for a moment is not cut for it', async () => {
  const { clock, sink, stream, pings } = await open({ autoPong: false });
  clock.advance(PING_EVERY_MS);
  await until('a ping', () => pings() === 1);
  stream.pause();
  stream.resume();
  clock.advance(PONG_WITHIN_MS);
  await settle();
  expect(sink.ends).toEqual([]);
  clock.advance(PING_EVERY_MS);
  expect(await sink.end).toEqual({ reason: 'unanswered_ping' });
});

test('a reader that is stuck is not cut: the ping waits behind the data', async () => {
  const { clock, sink, stream, far, near } = await open();
  far.socket.pause();
  const chunk = Buffer.alloc(64 * 1024);
  await until('the kernel takes no more', async () => {
    const before = near.socket.bufferedAmount;
    if (stream.write(Buffer.from(chunk))) return false;
    await settle();
    return before > 0 && near.socket.bufferedAmount > before;
  });
  for (let round = 1; round <= 3; round += 1) clock.advance(PING_EVERY_MS);
  await settle();
  expect(sink.ends).toEqual([]);
});
