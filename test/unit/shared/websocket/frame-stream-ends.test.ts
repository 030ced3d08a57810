// A stream of frames, with ws as the peer: its pacing, and every way to end. B1 to B13 are asked by test/contract.
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ClientOptions, WebSocket } from 'ws';
import { MAX_FRAME_BYTES } from '#shared/websocket/frame-parser.ts';
import { CLOSE_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import { RecordingSink } from '../../../support/stream/recording-sink.ts';
import { type NearEnd, openPair } from '../../../support/stream/stream-pair.ts';
import { asJson } from '../../../support/text/as-json.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle, until } from '../../../support/time/poll.ts';

/** More than any stream may hold back in this process, in bytes; the kernel's own buffers come on top. */
const HELD_BYTES = 128 * 1024;

/** Resolves with the code and reason that the far end is closed with. */
async function farClose(far: WebSocket): Promise<{ code: number; reason: string }> {
  const [code, reason] = (await once(far, 'close')) as [number, Buffer];
  return { code, reason: reason.toString() };
}

/** Writes until nothing is taken any more; the result is how many bytes were. */
async function fill({ stream, buffered }: NearEnd): Promise<number> {
  const size = 16 * 1024;
  for (let written = size; ; written += size) {
    if (stream.write(Buffer.alloc(size, 'x'))) continue;
    const before = buffered();
    await settle();
    await settle();
    if (buffered() === before && before > 0) return written;
  }
}

function sizeOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

describe('a WebSocket as a stream', () => {
  async function open(options: ClientOptions = {}) {
    const clock = new ManualClock();
    const pair = await openPair(clock, options);
    onTestFinished(() => pair[Symbol.asyncDispose]());
    const { near, far } = pair;
    const sink = new RecordingSink();
    const received: Buffer[] = [];
    far.on('message', (data: Buffer) => received.push(data));
    return { ...pair, near, far, stream: near.stream, sink, clock, received };
  }

  test('moves bytes both ways, whatever the message boundaries', async () => {
    const { stream, sink, far, received } = await open();
    stream.attach(sink);
    far.resume();
    far.send(Buffer.from('from '));
    far.send(Buffer.from('f'), { fin: false });
    far.send(Buffer.from('a'), { fin: false });
    far.send(Buffer.from('r'), { fin: true });
    far.send(Buffer.from(''));
    stream.write(Buffer.from('from '));
    stream.write(Buffer.from(''));
    stream.write(Buffer.from('near'));
    await until(
      'bytes',
      () => sink.text === 'from far' && Buffer.concat(received).toString() === 'from near',
    );
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
    expect(sink.bytes).toBe(0);
  });

  test('takes a frame of exactly the limit, and refuses a longer one with 1009', async () => {
    const { stream, sink, far } = await open();
    stream.attach(sink);
    far.resume();
    far.send(Buffer.alloc(MAX_FRAME_BYTES));
    await until('the frame', () => sink.bytes === MAX_FRAME_BYTES);
    far.send(Buffer.alloc(MAX_FRAME_BYTES + 1));
    expect(await farClose(far)).toMatchObject({ code: 1009 });
    expect(await sink.end).toMatchObject({ reason: 'too_big' });
    expect(sink.bytes).toBe(MAX_FRAME_BYTES);
  });

  test('a reader that is stuck stops the writer, and gets everything once it reads', async () => {
    const { stream, sink, far, near, received } = await open();
    stream.attach(sink);
    const written = await fill(near);
    expect(near.buffered()).toBeLessThan(HELD_BYTES);
    const before = sink.drains;
    await settle();
    expect(sink.drains).toBe(before);
    far.resume();
    await until('all bytes', () => sizeOf(received) === written);
    expect(sink.drains).toBe(before + 1);
  });

  test('a reader that is stuck and pings costs no memory', async () => {
    const { stream, sink, far, farTransport, near } = await open();
    stream.attach(sink);
    await fill(near);
    const before = near.buffered();
    const ping = Buffer.concat([Buffer.from([0x89, 0xfd, 0, 0, 0, 0]), Buffer.alloc(125)]);
    const flood = Buffer.concat(Array.from({ length: 8_000 }, () => ping));
    const read = near.transport.bytesRead;
    farTransport.write(flood);
    await until(
      'the pings are read, or the peer is cut',
      () => near.transport.bytesRead - read >= flood.length || near.transport.destroyed,
    );
    await settle();
    expect(near.buffered() - before).toBeLessThan(HELD_BYTES);
    expect(far.readyState).toBeGreaterThanOrEqual(far.OPEN);
  });

  test('close delivers what was written first, and gives the reason as code and word', async () => {
    const { stream, sink, far, near, received } = await open();
    stream.attach(sink);
    const written = await fill(near);
    stream.close({ reason: 'expired' });
    stream.close({ reason: 'ended' });
    far.resume();
    expect(await farClose(far)).toEqual({ code: 4408, reason: 'expired' });
    expect(sizeOf(received)).toBe(written);
    expect(await sink.end).toEqual({ reason: 'expired' });
  });

  test('a peer that does not close is cut after the close time', async () => {
    const { stream, sink, far, near, clock } = await open();
    stream.attach(sink);
    await fill(near);
    stream.close({ reason: 'ended' });
    clock.advance(CLOSE_WITHIN_MS - 1);
    await settle();
    expect(sink.ends).toEqual([]);
    clock.advance(1);
    expect(await sink.end).toEqual({ reason: 'stuck' });
    far.resume();
    await once(far, 'close');
  });

  test('passes on the reason of a peer that closes, and answers its close frame', async () => {
    const { stream, sink, far } = await open();
    stream.attach(sink);
    far.resume();
    far.close(4404, 'agent_gone');
    expect(await farClose(far)).toMatchObject({ code: 4404 });
    expect(asJson(await sink.end)).toEqual({ reason: 'agent_gone', detail: 'agent_gone' });
  });

  test('a peer that closes while it is written to still gets the answer to its close frame', async () => {
    const { stream, sink, far } = await open();
    stream.attach(sink);
    far.resume();
    far.on('message', () => {
      stream.write(Buffer.from('more and more'));
    });
    stream.write(Buffer.from('first'));
    await once(far, 'message');
    far.close(1000, 'ended');
    const closed = farClose(far);
    const writing = setInterval(() => stream.write(Buffer.from('and more')), 0);
    onTestFinished(() => {
      clearInterval(writing);
    });
    expect(await closed).toMatchObject({ code: 1000 });
    expect(asJson(await sink.end)).toEqual({ reason: 'ended', detail: 'ended' });
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

  test('a close without a code is a goodbye', async () => {
    const { stream, sink, far } = await open();
    stream.attach(sink);
    far.resume();
    far.close();
    expect(await sink.end).toEqual({ reason: 'ended' });
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

  test('a peer that ends its side without a close frame, and goes on sending nothing, is lost', async () => {
    const { stream, sink, farTransport } = await open();
    stream.attach(sink);
    farTransport.end();
    expect(await sink.end).toMatchObject({ reason: 'lost' });
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
    await until('the connection is gone', () => near.transport.closed);
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

  test('an end leaves no timer behind', async () => {
    const { stream, sink, far, clock } = await open();
    stream.attach(sink);
    stream.close({ reason: 'ended' });
    far.resume();
    await sink.end;
    expect(clock.pending).toBe(0);
  });
});

describe('a stream of frames', () => {
  async function open() {
    const clock = new ManualClock();
    const pair = await openPair(clock);
    onTestFinished(() => pair[Symbol.asyncDispose]());
    const sink = new RecordingSink();
    pair.near.stream.attach(sink);
    return { ...pair, clock, sink };
  }
  const closeFrame = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);

  test.each([
    ['says goodbye', closeFrame, 'ended'],
    ['breaks the protocol', Buffer.from([0x82, 0x01, 0x61]), 'bad_frame'],
    ['sends text', Buffer.from([0x81, 0x80, 0, 0, 0, 0]), 'text_on_stream'],
  ])('a peer that %s but keeps its connection is cut after the close time', async (_, bytes, reason) => {
    const { near, farTransport, sink, clock } = await open();
    farTransport.write(bytes);
    await until('it was read', () => near.transport.bytesWritten > 0 && near.transport.writableEnded);
    expect(sink.ends).toEqual([]);
    clock.advance(CLOSE_WITHIN_MS);
    expect(await sink.end).toMatchObject({ reason });
    expect(clock.pending).toBe(0);
  });

  test('a peer that ends its side and does not read is cut after the close time', async () => {
    const { near, farTransport, sink, clock } = await open();
    await fill(near);
    farTransport.end();
    await until('it was noticed', () => near.transport.readableEnded);
    clock.advance(CLOSE_WITHIN_MS);
    expect(await sink.end).toMatchObject({ reason: 'lost' });
    expect(clock.pending).toBe(0);
  });
});
