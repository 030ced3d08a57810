// The sniffed stream: what is written through it reaches the transport as it was given.
import { expect, test } from 'vitest';
import { encodeData, encodeOpened, FRAME_HEADROOM_BYTES, FRAME_TYPES } from '#shared/resume/frames.ts';
import { Link } from '#shared/resume/link.ts';
import { type SniffResult, sniff } from '#shared/resume/sniffed-stream.ts';
import { FakeStream } from '../../../support/stream/fake-stream.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

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
  let result: SniffResult | undefined;
  sniff(transport, {
    clock: new ManualClock(),
    silenceMs: 1_000,
    decided: (given) => {
      result = given;
    },
  });
  transport.send(Buffer.from([FRAME_TYPES.open]));
  if (result?.kind !== 'framed') throw new Error(`not framed, but ${result?.kind}`);
  const link = new Link(result.stream);
  link.start({ received: () => undefined, drained: () => undefined, ended: () => undefined });
  link.write(encodeOpened({ received: 0 }));
  link.write(encodeData(0, Buffer.from('data')));
  expect(transport.rooms).toEqual([FRAME_HEADROOM_BYTES, FRAME_HEADROOM_BYTES]);
});
