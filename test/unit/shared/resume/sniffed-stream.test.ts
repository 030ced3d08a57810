// The sniffed stream: what is written through it reaches the transport as it was given.
import { expect, test } from 'vitest';
import { encodeData, encodeOpened, FRAME_HEADROOM_BYTES, FRAME_TYPES } from '#shared/resume/frames.ts';
import { Link } from '#shared/resume/link.ts';
import { SniffedStream } from '#shared/resume/sniffed-stream.ts';
import { FakeStream } from '../../../support/stream/fake-stream.ts';

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
  const link = new Link(stream);
  link.start({ received: () => undefined, drained: () => undefined, ended: () => undefined });
  link.write(encodeOpened({ received: 0 }));
  link.write(encodeData(0, Buffer.from('data')));
  expect(transport.rooms).toEqual([FRAME_HEADROOM_BYTES, FRAME_HEADROOM_BYTES]);
});
