// Keepalive: a dead peer is found, one that is only held up is not.
import { describe, expect, onTestFinished, test } from 'vitest';
import { PING_EVERY_MS, PONG_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import { RecordingSink } from '../../../support/stream/recording-sink.ts';
import { openPair } from '../../../support/stream/stream-pair.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle, until } from '../../../support/time/poll.ts';

describe('the keepalive of a stream', () => {
  async function open(options: { autoPong: boolean } = { autoPong: true }) {
    const clock = new ManualClock();
    const pair = await openPair(clock, options);
    onTestFinished(() => pair[Symbol.asyncDispose]());
    const { near, far } = pair;
    const sink = new RecordingSink();
    near.stream.attach(sink);
    let pings = 0;
    far.on('ping', () => {
      pings += 1;
    });
    far.resume();
    return { near, far, clock, stream: near.stream, sink, pings: () => pings };
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
    far.send(Buffer.from('busy'));
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
    far.pause();
    const chunk = Buffer.alloc(64 * 1024);
    await until('the kernel takes no more', async () => {
      const before = near.buffered();
      if (stream.write(Buffer.from(chunk))) return false;
      await settle();
      return before > 0 && near.buffered() > before;
    });
    for (let round = 1; round <= 3; round += 1) clock.advance(PING_EVERY_MS);
    await settle();
    expect(sink.ends).toEqual([]);
  });
});
