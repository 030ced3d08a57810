// The opening frames of the resume protocol: what one version writes the other reads, wherever the chunks are cut.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ReceivedFrame, ResumeFrameParser } from '#shared/resume/frame-parser.ts';
import {
  encodeAck,
  encodeOpen,
  encodeOpened,
  MAX_OPENING_PAYLOAD_BYTES,
  OPEN_PAYLOAD_BYTES,
  OPENED_PAYLOAD_BYTES,
  STREAM_ID_BYTES,
} from '#shared/resume/frames.ts';

const offsets = fc.maxSafeNat();
const windows = fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { nil: undefined });
const cuts = fc.array(fc.nat(200), { maxLength: 6 });

/** All that comes out of `bytes` when they arrive in pieces that end at `at`. */
function read(bytes: Buffer, at: readonly number[]): ReceivedFrame[] {
  const parser = new ResumeFrameParser();
  const ends = [...at, bytes.length].sort((left, right) => left - right);
  const frames: ReceivedFrame[] = [];
  for (const [index, end] of ends.entries()) {
    parser.push(bytes.subarray(ends[index - 1] ?? 0, end));
    for (let frame = parser.next(); frame !== undefined; frame = parser.next()) {
      frames.push(frame);
      if (frame.kind === 'bad') return frames;
    }
  }
  return frames;
}

/** `frame` with more in its payload, as a later version may send it. */
function lengthened(frame: Buffer, more: Uint8Array): Buffer {
  const longer = Buffer.concat([frame, more]);
  longer.writeUInt32BE(frame.readUInt32BE(1) + more.length, 1);
  return longer;
}

describe('OPENED', () => {
  test('is read as it was written, with its window in whole seconds, and what follows is not touched', () => {
    fc.assert(
      fc.property(offsets, windows, cuts, (received, seconds, at) => {
        const opened = seconds === undefined ? { received } : { received, resumeWindowMs: seconds * 1_000 };
        const frames = read(Buffer.concat([encodeOpened(opened), encodeAck(7)]), at);
        expect(frames).toEqual([
          { kind: 'opened', ...opened },
          { kind: 'ack', total: 7 },
        ]);
      }),
    );
  });

  test('of a later version is read as far as it is known', () => {
    const most = MAX_OPENING_PAYLOAD_BYTES - OPENED_PAYLOAD_BYTES;
    fc.assert(
      fc.property(offsets, fc.uint8Array({ maxLength: most }), cuts, (received, more, at) => {
        const frame = lengthened(encodeOpened({ received, resumeWindowMs: 5_000 }), more);
        const frames = read(Buffer.concat([frame, encodeAck(7)]), at);
        expect(frames).toEqual([
          { kind: 'opened', received, resumeWindowMs: 5_000 },
          { kind: 'ack', total: 7 },
        ]);
      }),
    );
  });

  test('that is longer than any version may make it is refused', () => {
    const frame = lengthened(encodeOpened({ received: 0 }), Buffer.alloc(MAX_OPENING_PAYLOAD_BYTES));
    expect(read(frame, [])).toMatchObject([{ kind: 'bad', code: 'protocol_error' }]);
  });

  test('tells the window rounded up: nobody gives up before the agent does', () => {
    const [opened] = read(encodeOpened({ received: 0, resumeWindowMs: 1_001 }), []);
    expect(opened).toMatchObject({ resumeWindowMs: 2_000 });
  });
});

describe('OPEN', () => {
  test('is read as it was written, in each version, also where a later one has added to it', () => {
    const most = MAX_OPENING_PAYLOAD_BYTES - OPEN_PAYLOAD_BYTES;
    fc.assert(
      fc.property(
        fc.constantFrom(1 as const, 2 as const),
        fc.constantFrom('new' as const, 'resume' as const),
        fc.uint8Array({ minLength: STREAM_ID_BYTES, maxLength: STREAM_ID_BYTES }),
        offsets,
        fc.uint8Array({ maxLength: most }),
        cuts,
        (version, mode, id, received, more, at) => {
          const open = { version, mode, streamId: Buffer.from(id), received };
          const frames = read(Buffer.concat([lengthened(encodeOpen(open), more), encodeAck(7)]), at);
          expect(frames).toEqual([
            { kind: 'open', ...open },
            { kind: 'ack', total: 7 },
          ]);
        },
      ),
    );
  });

  test('of a version that is not spoken is refused as that, whatever else it says', () => {
    const open = encodeOpen({
      version: 2,
      mode: 'new',
      streamId: Buffer.alloc(STREAM_ID_BYTES),
      received: 0,
    });
    for (const version of [0, 3, 255]) {
      open.writeUInt8(version, 9);
      expect(read(open, [])).toEqual([{ kind: 'bad', code: 'bad_version', detail: `version ${version}` }]);
    }
  });
});
