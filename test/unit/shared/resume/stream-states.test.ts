// The states of a resumable stream: each row of the table in resumable-stream.ts, and none besides.
import { beforeEach, expect, test } from 'vitest';
import { FramedTransport } from '#shared/resume/framed-transport.ts';
import { encodeAck, encodeData, encodeFin, encodeReset } from '#shared/resume/frames.ts';
import { DATA_FRAME_BYTES, FLOW_LIMITS, STUCK_AFTER_MS } from '#shared/resume/limits.ts';
import { ResumableStream } from '#shared/resume/resumable-stream.ts';
import type { ResumeEvent } from '#shared/resume/resume-events.ts';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import { RawPeer } from '../../../support/resume/resume-peer.ts';
import { makeWire, PERFECT_WIRE } from '../../../support/resume/resume-wire.ts';
import { stateTableOf } from '../../../support/resume/state-table.ts';
import { FakeStream } from '../../../support/stream/fake-stream.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const WINDOW_MS = 60_000;
const TABLE = stateTableOf(
  new URL('../../../../services/shared/resume/resumable-stream.ts', import.meta.url),
);

let clock: ManualClock;
let stream: ResumableStream;
let events: ResumeEvent[];
let over: StreamEnd[];
let ends: StreamEnd[];
let detachments: number;

beforeEach(() => {
  clock = new ManualClock();
  [events, over, ends, detachments] = [[], [], [], 0];
  stream = new ResumableStream({
    clock,
    limits: FLOW_LIMITS,
    resumeWindowMs: WINDOW_MS,
    owner: {
      event: (event) => events.push(event),
      detached: () => {
        detachments += 1;
      },
      over: (end) => over.push(end),
    },
  });
  stream.attach({ data: () => {}, drained: () => {}, ended: (end) => ends.push(end) });
});

/** A peer whose handshake is done, and a transport to it that carries the stream. */
function carry(received = 0): RawPeer {
  const wire = makeWire(clock, PERFECT_WIRE);
  const transport = new FramedTransport(wire.agent);
  transport.start({ received: () => {}, drained: () => {}, ended: () => {} });
  const peer = new RawPeer(wire.client);
  stream.carry(transport, received);
  clock.advance(0);
  return peer;
}

function sent(peer: RawPeer): string[] {
  clock.advance(0);
  return peer.frames.map(({ kind, ...rest }) => ('code' in rest ? `${kind} ${rest.code}` : kind));
}

function told(): string[] {
  return events.map((event) => (event.kind === 'reset' ? `reset by ${event.by}` : event.kind));
}

/** Brings the stream into `state`. The peer is that of its transport, or of the one that it lost, or of nothing. */
function prepared(state: string): RawPeer {
  if (state === 'fresh') return new RawPeer(makeWire(clock, PERFECT_WIRE).client);
  const peer = carry();
  if (state === 'carried') return peer;
  if (state === 'over') stream.abandon({ reason: 'lost' });
  else peer.cut();
  clock.advance(0);
  return peer;
}

/** What happens in each row, with what must be seen of it. */
const CASES: Record<string, (peer: RawPeer) => void> = {
  'fresh: carry': () => {
    stream.write(Buffer.from('early'));
    expect(sent(carry())).toEqual(['data']);
    expect(told()).toEqual(['opened']);
  },
  'carried: carry': (older) => {
    stream.write(Buffer.from('12345'));
    clock.advance(0);
    const newer = carry(2);
    expect(older.end).toEqual({ reason: 'superseded' });
    expect(newer.bytes.toString()).toBe('345');
    expect(told()).toEqual(['opened', 'resumed']);
    expect(detachments).toBe(0);
  },
  'carried: transport ends': (peer) => {
    peer.cut();
    clock.advance(WINDOW_MS - 1);
    expect(told()).toEqual(['opened', 'detached']);
    expect(detachments).toBe(1);
    expect(over).toEqual([]);
  },
  'carried: ended by an operator': (peer) => {
    peer.close({ reason: 'ended_by_operator' });
    clock.advance(0);
    expect(told()).toEqual(['opened', 'ended_by_operator']);
    expect(detachments).toBe(0);
    expect(ends).toMatchObject([{ reason: 'ended_by_operator' }]);
  },
  'carried: transport ends, no window': (peer) => {
    stream.resumeWindowMs = 0;
    peer.cut();
    clock.advance(0);
    expect(told()).toEqual(['opened', 'given_up']);
    expect(detachments).toBe(0);
    expect(ends).toMatchObject([{ reason: 'lost' }]);
  },
  'carried: both FINs are taken': (peer) => {
    peer.send(encodeData(0, Buffer.from('bye')), encodeFin(3));
    expect(sent(peer)).toEqual(['fin', 'ack']);
    expect(stream.state).toBe('carried');
    peer.send(encodeAck(1));
    clock.advance(0);
    expect(told()).toEqual(['opened', 'finished']);
    expect(ends).toEqual([{ reason: 'ended' }]);
    expect(peer.frames.at(-1)).toEqual({ kind: 'ack', total: 4 });
    expect(peer.end).toEqual({ reason: 'ended' });
  },
  'carried: RESET': (peer) => {
    peer.send(encodeReset('expired'));
    expect(sent(peer)).toEqual([]);
    expect(told()).toEqual(['opened', 'reset by peer']);
    expect(ends).toMatchObject([{ reason: 'expired' }]);
    expect(peer.end).toMatchObject({ reason: 'expired' });
  },
  'carried: a rule is broken': (peer) => {
    peer.send(encodeData(7, Buffer.from('not the next byte')));
    clock.advance(0);
    expect(sent(peer)).toEqual(['reset bad_offset']);
    expect(told()).toEqual(['opened', 'reset by us']);
    expect(peer.end).toMatchObject({ reason: 'fault' });
  },
  'carried: nothing moves after a FIN': (peer) => {
    stream.close({ reason: 'ended' });
    clock.advance(STUCK_AFTER_MS - 1);
    expect(sent(peer)).toEqual(['fin']);
    expect(stream.state).toBe('carried');
    clock.advance(1);
    expect(sent(peer)).toEqual(['fin', 'reset stuck']);
    expect(told()).toEqual(['opened', 'reset by us']);
  },
  'carried: cut': (peer) => {
    stream.cut({ reason: 'fault' });
    expect(sent(peer)).toEqual(['reset aborted']);
    expect(ends).toEqual([{ reason: 'fault' }]);
  },
  'detached: carry': () => {
    clock.advance(1_000);
    stream.write(Buffer.from('meanwhile'));
    expect(sent(carry())).toEqual(['data']);
    expect(events.at(-1)).toEqual({ kind: 'resumed', afterMs: 1_000, replayedBytes: 0 });
    clock.advance(WINDOW_MS);
    expect(over).toEqual([]);
  },
  'detached: the window ends': () => {
    clock.advance(WINDOW_MS - 1);
    expect(stream.state).toBe('detached');
    clock.advance(1);
    expect(told()).toEqual(['opened', 'detached', 'given_up']);
    expect(ends).toEqual([{ reason: 'lost', detail: 'no connection for 1 minute' }]);
  },
  'fresh: cut': () => {
    stream.cut({ reason: 'ended' });
    expect(ends).toEqual([{ reason: 'ended' }]);
  },
  'detached: cut': () => {
    stream.cut({ reason: 'ended' });
    expect(ends).toEqual([{ reason: 'ended' }]);
  },
  'fresh: abandon': () => {
    stream.abandon({ reason: 'lost' });
    expect(ends).toEqual([{ reason: 'lost' }]);
  },
  'carried: abandon': (peer) => {
    stream.abandon({ reason: 'lost' });
    expect(sent(peer)).toEqual([]);
    expect(peer.end).toEqual({ reason: 'lost' });
  },
  'detached: abandon': () => {
    stream.abandon({ reason: 'lost' });
    expect(ends).toEqual([{ reason: 'lost' }]);
  },
  'over: carry': () => {
    const late = carry();
    expect(sent(late)).toEqual([]);
    expect(late.end).toEqual({ reason: 'ended' });
  },
};

test('every row of the table is tried here, and nothing that is not in it', () => {
  expect(Object.keys(CASES).sort()).toEqual(TABLE.map(({ state, event }) => `${state}: ${event}`).sort());
});

test.each(TABLE)('$state: $event -> $next', ({ state, event, next }) => {
  const peer = prepared(state);
  expect(stream.state).toBe(state);
  CASES[`${state}: ${event}`]?.(peer);
  expect(stream.state).toBe(next);
  expect(over).toHaveLength(next === 'over' ? 1 : 0);
  // Whatever a state had waited for is gone with it.
  clock.advance(0);
  if (next === 'over') expect(clock.pending).toBe(0);
});

test('what comes after the ACK that was lost with its transport starts with it', () => {
  const first = carry();
  first.send(encodeData(0, Buffer.from('hello')));
  clock.advance(0);
  first.cut();
  clock.advance(0);
  stream.write(Buffer.from('answer'));
  expect(sent(carry())).toEqual(['ack', 'data']);
});

test('who wrote before he attached, and was told to stop, hears once he has that it was taken', () => {
  stream = new ResumableStream({
    clock,
    limits: { ...FLOW_LIMITS, windowBytes: 1_000, frameBytes: 250 },
    resumeWindowMs: WINDOW_MS,
    owner: { event: () => {}, detached: () => {}, over: () => {} },
  });
  expect(stream.write(Buffer.alloc(900))).toBe(false);
  carry().send(encodeAck(900));
  clock.advance(0);
  let drains = 0;
  const drained = (): void => {
    drains += 1;
  };
  stream.attach({ data: () => {}, drained, ended: () => {} });
  expect(drains).toBe(1);
});

test('a FIN waits behind the bytes before it: until those are taken, nothing answers it, and writes still go out', () => {
  const peer = carry();
  stream.pause();
  peer.send(encodeData(0, Buffer.from('bye')), encodeFin(3));
  clock.advance(1_000);
  expect(sent(peer)).toEqual([]);
  stream.write(Buffer.from('wait'));
  expect(sent(peer)).toEqual(['data']);
  expect(ends).toEqual([]);
  stream.resume();
  expect(sent(peer)).toEqual(['data', 'fin', 'ack']);
  expect(peer.frames.at(-1)).toEqual({ kind: 'ack', total: 4 });
  expect(ends).toEqual([{ reason: 'ended' }]);
});

test('a sink that resumes from within its own call gets the next bytes after that call, not within it', () => {
  const calls: string[] = [];
  stream = new ResumableStream({
    clock,
    limits: FLOW_LIMITS,
    resumeWindowMs: WINDOW_MS,
    owner: { event: () => {}, detached: () => {}, over: () => {} },
  });
  stream.attach({
    data: (chunk) => {
      const name = chunk.toString('latin1', 0, 1);
      calls.push(`${name} begins`);
      stream.resume();
      calls.push(`${name} ends`);
    },
    drained: () => {},
    ended: () => calls.push('the end'),
  });
  stream.pause();
  // It gives what it gets as it got it, and what has this size waits where it is: two chunks, not one.
  const transport = new FakeStream();
  const framed = new FramedTransport(transport);
  framed.start({ received: () => {}, drained: () => {}, ended: () => {} });
  stream.carry(framed, 0);
  transport.send(encodeData(0, Buffer.alloc(DATA_FRAME_BYTES, 'a')));
  transport.send(encodeData(DATA_FRAME_BYTES, Buffer.alloc(DATA_FRAME_BYTES, 'b')));
  transport.send(encodeFin(2 * DATA_FRAME_BYTES));
  stream.resume();
  expect(calls).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'the end']);
});
