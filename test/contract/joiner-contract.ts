// The contract of a joiner: what a session is to its two peers and to the relay, over real sockets. The peers read with ws.
import type { Socket } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Join, JoinEnd, JoinOptions, Side } from '#shared/stream/join.ts';
import { frameStream } from '#shared/websocket/frame-stream.ts';
import { CLOSE_WITHIN_MS, PING_EVERY_MS, PONG_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import type { Joiner } from '../../services/relay/session/needs.ts';
import { rawFrame } from '../support/stream/raw-frames.ts';
import { SessionPeer } from '../support/stream/session-peer.ts';
import { openSockets, wsClientOver, wsServerOver } from '../support/stream/socket-pair.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { until } from '../support/time/poll.ts';

/** More than all buffers between the two peers hold, in bytes. */
const NO_BOUND_BYTES = 64 * 1024 * 1024;

interface Session {
  readonly clock: ManualClock;
  readonly left: SessionPeer;
  readonly right: SessionPeer;
  readonly join: Join;
  readonly ends: JoinEnd[];
  /** By `onBytes`, when the session ended. */
  readonly countedAtEnd: Record<Side, number>[];
  /** By `onBytes`, after a count. */
  readonly counted: () => Readonly<Record<Side, number>>;
}

/** `dialled`: this process is the client of the leg. */
type Dialled = Readonly<Record<Side, boolean>>;

async function openSession(
  joiner: Joiner,
  dialled: Dialled = { left: false, right: false },
  options: JoinOptions = {},
  /** What the left peer has written before the two are joined. */
  early: Buffer = Buffer.alloc(0),
  /** And has left. */
  isLeft = false,
): Promise<Session> {
  const clock = new ManualClock();
  const nears: Socket[] = [];
  const open = async (isClient: boolean) => {
    const sockets = await openSockets();
    const ws = await (isClient ? wsServerOver(sockets) : wsClientOver(sockets));
    nears.push(sockets.near);
    const stream = frameStream({ socket: sockets.near, head: Buffer.alloc(0), isClient, clock });
    return { stream, peer: new SessionPeer(sockets.far, ws, !isClient) };
  };
  const [left, right] = [await open(dialled.left), await open(dialled.right)];
  left.peer.socket.write(early);
  if (isLeft) left.peer.socket.end();
  const fullBytes = Math.min(early.length, 65_536);
  await until('it has come', () => (nears[0]?.readableLength ?? 0) >= fullBytes);
  const ends: JoinEnd[] = [];
  const countedAtEnd: Record<Side, number>[] = [];
  const counts = { left: 0, right: 0 };
  const join = joiner.join(left.stream, right.stream, {
    ...options,
    onBytes(from, bytes) {
      counts[from] += bytes;
      // As a limit does that wants to know everything.
      joiner.count();
    },
    onEnded(end) {
      ends.push(end);
      countedAtEnd.push({ ...counts });
    },
  });
  onTestFinished(() => {
    join.cut({ reason: 'ended' });
  });
  const counted = () => {
    joiner.count();
    return counts;
  };
  return { clock, left: left.peer, right: right.peer, join, ends, counted, countedAtEnd };
}

/** Bytes that differ from place to place. */
function numbered(size: number, from = 0): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size; at += 1) bytes[at] = (from + at + ((from + at) >> 8) * 7) % 251;
  return bytes;
}

/** What a peer may do; sizes are at and around every boundary of a header, a read and a part. */
const sizes = fc.oneof(
  fc.constantFrom(0, 1, 125, 126, 127, 4_095, 4_096, 4_097, 16_384, 65_535, 65_536, 131_072, 300_000),
  fc.integer({ min: 0, max: 2_000 }),
);
const frames = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('data' as const), size: sizes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ping' as const), size: fc.nat(125) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pong' as const), size: fc.nat(125) }) },
);
/** Such as only JavaScript takes. */
const oddFrames = fc.record({
  kind: fc.constantFrom('masked' as const, 'fragments' as const, 'long_length' as const),
  size: fc.integer({ min: 1, max: 5_000 }),
});
const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 200_000 })), {
  minLength: 1,
  maxLength: 40,
});
const side = fc.record({
  frames: fc.array(frames, { maxLength: 25 }),
  odd: fc.option(oddFrames, { nil: undefined, freq: 3 }),
  cuts,
});

type SideScript = typeof side extends fc.Arbitrary<infer Script> ? Script : never;

/** The wire of a script, and the payload that is in it. */
function written({ frames: list, odd }: SideScript, peer: SessionPeer): { wire: Buffer; payload: Buffer } {
  const wire: Buffer[] = [];
  const payload: Buffer[] = [];
  let at = 0;
  for (const { kind, size } of list) {
    if (kind !== 'data') {
      wire.push(peer.frame(numbered(size), kind === 'ping' ? 0x9 : 0xa));
      continue;
    }
    const bytes = numbered(size, at);
    at += size;
    wire.push(peer.frame(bytes));
    payload.push(bytes);
    if (odd !== undefined && payload.length === 5) {
      const more = numbered(odd.size, at);
      at += odd.size;
      wire.push(...oddOnes(odd.kind, more, peer));
      payload.push(more);
    }
  }
  return { wire: Buffer.concat(wire), payload: Buffer.concat(payload) };
}

function oddOnes(
  kind: 'masked' | 'fragments' | 'long_length',
  payload: Buffer,
  { mask }: SessionPeer,
): Buffer[] {
  switch (kind) {
    case 'masked':
      return [rawFrame({ payload, mask: mask && Buffer.from([1, 2, 3, 250]) })];
    case 'long_length':
      return [rawFrame({ payload, mask, lengthBytes: 8 })];
    case 'fragments':
      return [
        rawFrame({ payload: payload.subarray(0, 1), mask, isFinal: false }),
        rawFrame({ payload: payload.subarray(1), mask, opcode: 0 }),
      ];
  }
}

/** Writes in pieces, each a write of its own to the kernel. */
async function writeInPieces(socket: Socket, bytes: Buffer, pieces: readonly number[]): Promise<void> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = pieces[turn % pieces.length] ?? bytes.length;
    // Small pieces first, where headers are; the rest follows by the megabyte.
    const piece = bytes.subarray(at, at + (turn < 200 ? size : 1_000_000));
    at += piece.length;
    await new Promise<void>((resolve) => void socket.write(piece, () => resolve()));
  }
}

/** What ends a session with a close frame to both peers. */
const BAD_FRAMES = (
  [
    ['text', (peer) => peer.send(Buffer.from('hello'), 0x1), 'text_on_stream', 1003],
    ['a reserved opcode', (peer) => peer.send(Buffer.from('hello'), 0x3), 'bad_frame', 1002],
    ['a frame of over a megabyte', (peer) => peer.send(numbered(1_100_000)), 'too_big', 1009],
    ['a continuation of nothing', (peer) => peer.send(Buffer.from('hello'), 0x0), 'bad_frame', 1002],
    ['a ping of over 125 bytes', (peer) => peer.send(numbered(126), 0x9), 'bad_frame', 1002],
    ['a close frame of one byte', (peer) => peer.send(Buffer.from([3]), 0x8), 'bad_frame', 1002],
  ] as const satisfies [string, (peer: SessionPeer) => void, string, number][]
).map(([name, leave, reason, code]): [string, (peer: SessionPeer) => void, string, string, string] => [
  name,
  leave,
  reason,
  `${code} ${reason}`,
  `${code} ${reason}`,
]);

/** Runs the contract against one joiner. */
export function describeJoiner(name: string, open: () => Joiner): void {
  describe(name, () => {
    test.each([
      { left: false, right: false },
      { left: true, right: false },
      { left: false, right: true },
    ])(
      'moves every byte once and in order, however frames are cut, and answers pings (dialled: %j)',
      async (dialled) => {
        await fc.assert(
          fc.asyncProperty(side, side, async (leftScript, rightScript) => {
            const { left, right, ends, counted, join } = await openSession(open(), dialled);
            const [toRight, toLeft] = [written(leftScript, left), written(rightScript, right)];
            await Promise.all([
              writeInPieces(left.socket, toRight.wire, leftScript.cuts),
              writeInPieces(right.socket, toLeft.wire, rightScript.cuts),
            ]);
            await until(
              'all has come',
              () =>
                right.receivedBytes === toRight.payload.length &&
                left.receivedBytes === toLeft.payload.length,
            );
            // A ping of its own, behind everything: what it is answered with shows that the stream is in step.
            for (const peer of [left, right]) peer.send(Buffer.from('last'), 0x9);
            await until(
              'both are answered',
              () => left.pongs.at(-1) === 'last' && right.pongs.at(-1) === 'last',
            );
            expect(right.received.equals(toRight.payload)).toBe(true);
            expect(left.received.equals(toLeft.payload)).toBe(true);
            expect(counted()).toEqual({ left: toRight.payload.length, right: toLeft.payload.length });
            expect(ends).toEqual([]);
            join.cut({ reason: 'ended' });
          }),
          { numRuns: 60 },
        );
      },
    );

    test('a peer that reads nothing holds up the other one within a bound, and nothing is lost', async () => {
      const { left, right } = await openSession(open());
      right.ws.pause();
      const chunk = numbered(1_000_000);
      let wrote = 0;
      let waiting = 0;
      // The kernel takes no more once all buffers on the way are full; before that, what waits may still get away.
      await until('the sender is held up', async () => {
        while (left.socket.writableLength <= 8_000_000 && wrote < NO_BOUND_BYTES) {
          left.send(chunk);
          wrote += chunk.length;
          await new Promise((resolve) => setImmediate(resolve));
        }
        const before = waiting;
        waiting = left.socket.writableLength;
        return wrote >= NO_BOUND_BYTES || waiting === before;
      });
      expect(wrote).toBeLessThan(NO_BOUND_BYTES);
      // The other way goes on.
      right.send(Buffer.from('still here'));
      await until('the other way', () => left.receivedBytes === 10);
      right.ws.resume();
      await until('all has come', () => right.receivedBytes === wrote);
      expect(right.received.subarray(-chunk.length).equals(chunk)).toBe(true);
    });

    test.each<[string, (peer: SessionPeer) => void, string, string, string]>([
      ['a goodbye', (peer) => peer.ws.close(1000, 'ended'), 'ended', '1000 ended', '1000 '],
      ['a drain', (peer) => peer.ws.close(1012, 'restart'), 'restart', '1012 restart', '1012 '],
      ['a close frame without a code', (peer) => peer.ws.close(), 'ended', '1000 ended', '1005 '],
      ['a cut', (peer) => peer.socket.destroy(), 'lost', '1001 going_away', '1006 '],
      ['a reset', (peer) => peer.socket.resetAndDestroy(), 'lost', '1001 going_away', '1006 '],
      [
        'an end in the middle of a frame',
        (peer) => peer.socket.end(peer.frame(numbered(1_000)).subarray(0, 700)),
        'lost',
        '1001 going_away',
        '1006 ',
      ],
      ...BAD_FRAMES,
    ])(
      '%s by one peer is passed on behind everything that was sent',
      async (name, leave, reason, otherSees, leaverSees) => {
        for (const first of ['left', 'right'] as const) {
          const session = await openSession(open());
          const [leaver, other] =
            first === 'left' ? [session.left, session.right] : [session.right, session.left];
          leaver.send(numbered(200_000));
          await until('it is on its way', () => other.receivedBytes > 0);
          leave(leaver);
          const isOver = () => leaver.closedAs !== undefined && other.closedAs !== undefined;
          await until('all is over', () => session.ends.length === 1 && isOver());
          expect(session.ends[0]).toMatchObject({ first, end: { reason } });
          expect([other.closedAs, leaver.closedAs]).toEqual([otherSees, leaverSees]);
          // A reset throws away what the kernel still had.
          if (name !== 'a reset') expect(other.receivedBytes).toBeGreaterThanOrEqual(200_000);
        }
      },
    );

    test('a close by the relay reaches both peers behind what was sent', async () => {
      const { left, right, join, ends } = await openSession(open());
      left.send(numbered(100_000));
      await until('it has come', () => right.receivedBytes === 100_000);
      join.close({ reason: 'restart' });
      join.close({ reason: 'going_away' });
      await until('both know', () => left.closedAs !== undefined && right.closedAs !== undefined);
      await until('it is over', () => ends.length === 1);
      expect([left.closedAs, right.closedAs]).toEqual(['1012 restart', '1012 restart']);
      expect(ends[0]).toMatchObject({ end: { reason: 'restart' }, otherEnd: { reason: 'restart' } });
    });

    test('what came before the session, be it more than a socket buffers, comes first and once', async () => {
      for (const size of [1, 1_000, 65_536, 70_000, 1_000_000]) {
        const chunk = numbered(size);
        const { left, right, join } = await openSession(
          open(),
          undefined,
          {},
          rawFrame({ payload: chunk, mask: Buffer.alloc(4) }),
        );
        left.send(numbered(100_000, size));
        await until('all has come', () => right.receivedBytes === size + 100_000);
        expect(right.received.equals(numbered(size + 100_000))).toBe(true);
        join.cut({ reason: 'ended' });
      }
    });

    test('what a peer said is delivered, though it has left before the session', async () => {
      for (const size of [1_000, 65_530, 65_536, 200_000]) {
        const early = rawFrame({ payload: numbered(size), mask: Buffer.alloc(4) });
        const { right, ends } = await openSession(open(), undefined, {}, early, true);
        await until('both are over', () => ends.length === 1 && right.closedAs !== undefined);
        expect(ends[0]).toMatchObject({ first: 'left', end: { reason: 'lost' } });
        expect(right.received.equals(numbered(size))).toBe(true);
      }
    });

    test('all bytes are counted once before a session is over, also if it was cut', async () => {
      for (const how of ['cut', 'close'] as const) {
        const { left, right, join, ends, countedAtEnd } = await openSession(open());
        left.send(numbered(100_000));
        right.send(numbered(50_000));
        await until('it has come', () => right.receivedBytes === 100_000 && left.receivedBytes === 50_000);
        // From here on sockets close before any thread is heard.
        await new Promise((resolve) => setImmediate(resolve));
        join[how]({ reason: 'ended' });
        await until('it is over', () => ends.length === 1);
        expect(countedAtEnd).toEqual([{ left: 100_000, right: 50_000 }]);
      }
    });

    test('a cut by the relay ends both at once, also when neither reads', async () => {
      const { left, right, join, ends } = await openSession(open());
      for (const peer of [left, right]) {
        peer.ws.pause();
        for (let count = 0; count < 20; count += 1) peer.send(numbered(1_000_000));
      }
      join.cut({ reason: 'stuck' });
      join.cut({ reason: 'ended' });
      await until('it is over', () => ends.length === 1);
      expect(ends[0]).toMatchObject({ end: { reason: 'stuck' }, otherEnd: { reason: 'stuck' } });
      for (const peer of [left, right]) peer.ws.resume();
      await until('both know', () => left.closedAs !== undefined && right.closedAs !== undefined);
    });

    test('a peer that takes nothing after a close is cut in time', async () => {
      const { clock, left, right, join, ends } = await openSession(open());
      right.ws.pause();
      while (left.socket.writableLength < 4_000_000) {
        left.send(numbered(1_000_000));
        await new Promise((resolve) => setImmediate(resolve));
      }
      join.close({ reason: 'restart' });
      await until('the close of the other leg', () => left.closedAs !== undefined);
      // The pump gives a session back in its own time.
      await until('it is cut', () => {
        clock.advance(CLOSE_WITHIN_MS);
        return ends.length === 1;
      });
      expect(ends[0]?.otherEnd.reason).toBe('stuck');
    });

    test('both peers are pinged while nothing moves, and one that does not answer is dropped', async () => {
      const { clock, left, right, ends } = await openSession(open());
      for (let round = 1; round <= 3; round += 1) {
        const before = left.pings + right.pings;
        clock.advance(round === 1 ? PING_EVERY_MS : PING_EVERY_MS - PONG_WITHIN_MS);
        await until('both are pinged', () => left.pings + right.pings === before + 2);
        // ws answers by itself, and the answer is a byte that was read.
        for (const peer of [left, right]) peer.send(Buffer.from('x'));
        await until('they were heard', () => left.receivedBytes === round && right.receivedBytes === round);
        clock.advance(PONG_WITHIN_MS);
      }
      expect(ends).toEqual([]);
      right.ws.pause();
      clock.advance(PING_EVERY_MS - PONG_WITHIN_MS);
      await until('the left one is pinged', () => left.pings > 3);
      // Whatever answers it: the left peer is heard, the right one is not.
      left.send(Buffer.from('answer'), 0x9);
      await until('it was heard', () => left.pongs.length === 1);
      clock.advance(PONG_WITHIN_MS);
      await until('it is over', () => {
        clock.advance(CLOSE_WITHIN_MS);
        return ends.length === 1;
      });
      expect(ends[0]).toMatchObject({ first: 'right', end: { reason: 'unanswered_ping' } });
    });

    test('a peer that is held up is not taken for dead', async () => {
      const { clock, left, right, ends } = await openSession(open());
      right.ws.pause();
      while (left.socket.writableLength < 4_000_000) {
        left.send(numbered(1_000_000));
        await new Promise((resolve) => setImmediate(resolve));
      }
      for (let round = 0; round < 5; round += 1) clock.advance(PING_EVERY_MS);
      await new Promise((resolve) => setImmediate(resolve));
      expect(ends).toEqual([]);
      right.ws.resume();
      await until('it goes on', () => left.socket.writableLength === 0);
    });
  });
}
