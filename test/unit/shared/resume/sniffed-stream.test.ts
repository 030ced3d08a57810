// The sniffed stream: what is written through it reaches the transport as it was given.
import { expect, test } from 'vitest';
import { FramedTransport } from '#shared/resume/framed-transport.ts';
import { encodeData, encodeOpened, FRAME_HEADROOM_BYTES, FRAME_TYPES } from '#shared/resume/frames.ts';
import { SniffedStream } from '#shared/resume/sniffed-stream.ts';
import { FAKE_STREAM_BOUND_BYTES, FakeStream } from '../../../support/stream/fake-stream.ts';

/** Notes the free bytes before each chunk. */
class RoomyStream extends FakeStream {
  readonly rooms: (number | undefined)[] = [];

  override write(chunk: Buffer, headroom?: number): boolean {
    this.rooms.push(headroom);
    return super.write(chunk);
  }
}

test('a frame keeps its headroom: its carrier puts the header there instead of sending two pieces', () => {
  const transport = new RoomyStream();
  const stream = new SniffedStream(transport);
  const seen: number[] = [];
  stream.watch({ first: (byte) => seen.push(byte), gone: () => {} });
  transport.send(Buffer.from([FRAME_TYPES.open]));
  expect(seen).toEqual([FRAME_TYPES.open]);
  const framed = new FramedTransport(stream);
  framed.start({ received: () => undefined, drained: () => undefined, ended: () => undefined });
  framed.write(encodeOpened({ received: 0 }));
  framed.write(encodeData(0, Buffer.from('data')));
  expect(transport.rooms).toEqual([FRAME_HEADROOM_BYTES, FRAME_HEADROOM_BYTES]);
});

test('who wrote before he attached, and was told to stop, hears once he has that it was taken', () => {
  const transport = new FakeStream();
  const stream = new SniffedStream(transport);
  stream.watch({ first: () => {}, gone: () => {} });
  expect(stream.write(Buffer.alloc(FAKE_STREAM_BOUND_BYTES))).toBe(false);
  transport.read(FAKE_STREAM_BOUND_BYTES);
  let drains = 0;
  const drained = (): void => {
    drains += 1;
  };
  stream.attach({ data: () => {}, drained, ended: () => {} });
  expect(drains).toBe(1);
});

test('what comes before somebody attaches waits for him, and is given at his pace, with the end behind it', () => {
  const transport = new FakeStream();
  const stream = new SniffedStream(transport);
  const seen: unknown[] = [];
  stream.watch({ first: (byte) => seen.push(byte), gone: () => seen.push('gone') });
  transport.send(Buffer.from('SSH'));
  transport.leave({ reason: 'ended' });
  expect(seen).toEqual([0x53]);
  stream.pause();
  const data = (chunk: Buffer): number => seen.push(chunk.toString());
  stream.attach({ data, drained: () => {}, ended: ({ reason }) => seen.push(reason) });
  expect(seen).toEqual([0x53]);
  stream.resume();
  expect(seen).toEqual([0x53, 'SSH', 'ended']);
});
