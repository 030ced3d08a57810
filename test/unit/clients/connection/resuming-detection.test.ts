// A connection below a resumable session that is dead while much is on its way: seen, although nothing can be asked.
import { expect, onTestFinished, test } from 'vitest';
import { PING_EVERY_MS, PONG_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import type { PeerReading } from '#shared/websocket/pace.ts';
import { RecordingSink } from '../../../support/stream/recording-sink.ts';
import { type NearEnd, openPair } from '../../../support/stream/stream-pair.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle, until } from '../../../support/time/poll.ts';

async function openFull(reading: PeerReading) {
  const clock = new ManualClock();
  const pair = await openPair(clock, {}, reading);
  onTestFinished(() => pair[Symbol.asyncDispose]());
  const sink = new RecordingSink();
  pair.near.stream.attach(sink);
  await fill(pair.near);
  return { ...pair, clock, sink };
}

async function fill({ stream, buffered }: NearEnd): Promise<void> {
  const chunk = Buffer.alloc(64 * 1024);
  await until('the kernel takes no more', async () => {
    const before = buffered();
    if (stream.write(Buffer.from(chunk))) return false;
    await settle();
    return before > 0 && buffered() > before;
  });
}

test('a peer that always reads and takes nothing any more is cut', async () => {
  const { clock, sink } = await openFull('eager');
  clock.advance(PING_EVERY_MS + PONG_WITHIN_MS);
  expect(await sink.end).toEqual({ reason: 'unanswered_ping' });
});

test('a peer that always reads, slowly, is not cut while something moves', async () => {
  const { clock, sink, far, near } = await openFull('eager');
  clock.advance(PING_EVERY_MS);
  const waiting = near.buffered();
  far.resume();
  await until('something moves', () => near.buffered() < waiting);
  far.pause();
  clock.advance(PONG_WITHIN_MS);
  await settle();
  expect(sink.ends).toEqual([]);
  await fill(near);
  clock.advance(PING_EVERY_MS);
  expect(await sink.end).toEqual({ reason: 'unanswered_ping' });
});

test('a peer that reads at its own pace may take nothing for as long as it likes', async () => {
  const { clock, sink } = await openFull('paced');
  clock.advance(10 * PING_EVERY_MS);
  await settle();
  expect(sink.ends).toEqual([]);
});
