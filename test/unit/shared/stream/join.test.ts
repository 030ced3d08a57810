// The join: bytes once, in order, both ways, paced, and both ends told exactly once.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import { type JoinEnd, joinStreams } from '#shared/stream/join.ts';
import { FAKE_STREAM_BOUND_BYTES, FakeStream } from '../../../support/stream/fake-stream.ts';

const MAX_CHUNK_BYTES = 600;

function joined(): { left: FakeStream; right: FakeStream; ends: JoinEnd[]; bytes: Record<string, number> } {
  const left = new FakeStream();
  const right = new FakeStream();
  const ends: JoinEnd[] = [];
  const bytes = { left: 0, right: 0 };
  joinStreams(left, right, {
    onBytes: (from, count) => {
      bytes[from] += count;
    },
    onEnded: (end) => ends.push(end),
  });
  return { left, right, ends, bytes };
}

const side = fc.constantFrom('left', 'right');
const command = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('send'),
      side,
      size: fc.integer({ min: 0, max: MAX_CHUNK_BYTES }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('read'), side, size: fc.integer({ min: 1, max: 2_000 }) }),
  },
);

/** Bytes that differ at every position, so that a lost, doubled or swapped chunk shows. */
function numbered(from: number, size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, index) => (from + index) % 251));
}

describe('the join', () => {
  test('gives each side what the other sent, once and in order, however they pause', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const { left, right, bytes } = joined();
        const ends = { left, right };
        const sent = { left: 0, right: 0 };
        for (const { kind, side: name, size } of commands) {
          const stream = ends[name];
          if (kind === 'read') stream.read(size);
          else {
            stream.send(numbered(sent[name], size));
            sent[name] += size;
          }
        }
        for (let turn = 0; turn < 1_000; turn += 1) for (const stream of [left, right]) stream.read(1_000);
        expect(Buffer.concat(left.arrived)).toEqual(numbered(0, sent.right));
        expect(Buffer.concat(right.arrived)).toEqual(numbered(0, sent.left));
        expect(bytes).toEqual(sent);
        for (const stream of [left, right])
          expect(stream.peakUnread).toBeLessThan(FAKE_STREAM_BOUND_BYTES + MAX_CHUNK_BYTES);
      }),
    );
  });

  test('delivers what a side sent before it left, then closes the other, and says so once', () => {
    const reason = fc.constantFrom('ended', 'lost', 'going_away', 'expired') satisfies fc.Arbitrary<
      StreamEnd['reason']
    >;
    fc.assert(
      fc.property(fc.array(command, { maxLength: 50 }), side, reason, (commands, leaver, word) => {
        const { left, right, ends } = joined();
        const streams = { left, right };
        const sent = { left: 0, right: 0 };
        for (const { kind, side: name, size } of commands) {
          if (kind === 'read') streams[name].read(size);
          else {
            streams[name].send(numbered(sent[name], size));
            sent[name] += size;
          }
        }
        streams[leaver].leave({ reason: word });
        const stayer = leaver === 'left' ? right : left;
        for (let turn = 0; turn < 1_000; turn += 1) stayer.read(1_000);
        expect(Buffer.concat(stayer.arrived)).toEqual(numbered(0, sent[leaver]));
        expect(stayer.closes).toEqual([{ reason: word }]);
        expect(ends).toEqual([{ first: leaver, end: { reason: word }, otherEnd: { reason: word } }]);
      }),
    );
  });

  test('pauses a sender while the other side is full, and lets it go on afterwards', () => {
    const { left, right } = joined();
    left.send(Buffer.alloc(FAKE_STREAM_BOUND_BYTES));
    expect(left.paused).toBe(true);
    expect(right.paused).toBe(false);
    right.read(FAKE_STREAM_BOUND_BYTES);
    expect(left.paused).toBe(false);
  });

  test('a full side does not stop the other direction', () => {
    const { left, right } = joined();
    left.send(Buffer.alloc(FAKE_STREAM_BOUND_BYTES));
    right.send(Buffer.from('back'));
    left.read(4);
    expect(Buffer.concat(left.arrived).toString()).toBe('back');
  });

  test('does not report an end before both sides have ended', () => {
    const { left, right, ends } = joined();
    left.send(Buffer.from('last words'));
    left.leave({ reason: 'ended' });
    expect(ends).toEqual([]);
    right.read(100);
    expect(ends).toHaveLength(1);
  });

  test('reports once when both sides leave at the same time', () => {
    const { left, right, ends } = joined();
    left.send(Buffer.from('x'));
    left.leave({ reason: 'lost' });
    right.cut({ reason: 'stuck' });
    right.leave({ reason: 'ended' });
    right.read(10);
    expect(ends).toEqual([{ first: 'left', end: { reason: 'lost' }, otherEnd: { reason: 'stuck' } }]);
  });

  test('tells the other side what `onward` makes of the reason', () => {
    const left = new FakeStream();
    const right = new FakeStream();
    joinStreams(left, right, {
      onward: (end, from) => ({ reason: from === 'left' ? 'going_away' : end.reason }),
    });
    left.leave({ reason: 'lost' });
    expect(right.closes).toEqual([{ reason: 'going_away' }]);
  });

  test('close ends both sides and may be called twice', () => {
    const left = new FakeStream();
    const right = new FakeStream();
    const ends: JoinEnd[] = [];
    const join = joinStreams(left, right, { onEnded: (end) => ends.push(end) });
    left.send(Buffer.from('on its way'));
    join.close({ reason: 'restart' });
    join.close({ reason: 'ended' });
    expect(ends).toEqual([]);
    right.read(100);
    expect(Buffer.concat(right.arrived).toString()).toBe('on its way');
    expect(ends).toEqual([{ first: 'left', end: { reason: 'restart' }, otherEnd: { reason: 'restart' } }]);
  });
});
