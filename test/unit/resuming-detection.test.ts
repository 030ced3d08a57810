// A connection below a resumable session that is dead while much is on its way: seen, although nothing can be asked.
import { expect, onTestFinished, test } from 'vitest';
import type { WebSocket } from 'ws';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import { PING_EVERY_MS, PONG_WITHIN_MS } from '#shared/stream/keepalive.ts';
import { type PeerReading, webSocketStream } from '#shared/stream/web-socket-stream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settle, until } from '../support/poll.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { openPair } from '../support/web-socket-pair.ts';

async function openFull(reading: PeerReading) {
  const pair = await openPair();
  onTestFinished(() => pair[Symbol.asyncDispose]());
  const { near, far } = pair;
  const clock = new ManualClock();
  const stream = webSocketStream(near.socket, near.transport, clock, reading);
  const sink = new RecordingSink();
  stream.attach(sink);
  far.socket.pause();
  await fill(stream, near.socket);
  return { ...pair, clock, stream, sink };
}

async function fill(stream: ByteStream, socket: WebSocket): Promise<void> {
  const chunk = Buffer.alloc(64 * 1024);
  await until('the kernel takes no more', async () => {
    const before = socket.bufferedAmount;
    if (stream.write(Buffer.from(chunk))) return false;
    await settle();
    return before > 0 && socket.bufferedAmount > before;
  });
}

test('a peer that always reads and takes nothing any more is cut', async () => {
  const { clock, sink } = await openFull('eager');
  clock.advance(PING_EVERY_MS + PONG_WITHIN_MS);
  expect(await sink.end).toEqual({ reason: 'unanswered_ping' });
});

test('a peer that always reads, slowly, is not cut while something moves', async () => {
  const { clock, sink, stream, far, near } = await openFull('eager');
  clock.advance(PING_EVERY_MS);
  const waiting = near.socket.bufferedAmount;
  far.socket.resume();
  await until('something moves', () => near.socket.bufferedAmount < waiting);
  far.socket.pause();
  clock.advance(PONG_WITHIN_MS);
  await settle();
  expect(sink.ends).toEqual([]);
  await fill(stream, near.socket);
  clock.advance(PING_EVERY_MS);
  expect(await sink.end).toEqual({ reason: 'unanswered_ping' });
});

test('a peer that reads at its own pace may take nothing for as long as it likes', async () => {
  const { clock, sink } = await openFull('paced');
  clock.advance(10 * PING_EVERY_MS);
  await settle();
  expect(sink.ends).toEqual([]);
});
