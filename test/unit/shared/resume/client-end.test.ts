// The client end: when it dials, what it waits for, what it tells, and when it gives up.
import * as fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { ClientEnd, type ResumeStatus, type TransportOutcome } from '#shared/resume/client-end.ts';
import { type ReceivedFrame } from '#shared/resume/frame-parser.ts';
import { encodeAck, encodeData, encodeFin, encodeOpened, encodeRefused } from '#shared/resume/frames.ts';
import {
  BACKOFF_LAST_MS,
  NOTICE_AFTER_MS,
  OPEN_TIMEOUT_MS,
  REDIAL_TIMEOUT_MS,
  RESUME_WINDOW_MS,
  STABLE_AFTER_MS,
} from '#shared/resume/limits.ts';
import type { ResumeEvent } from '#shared/resume/resume-events.ts';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import { RawPeer } from '../../../support/resume/resume-peer.ts';
import { makeWire, PERFECT_WIRE } from '../../../support/resume/resume-wire.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

let clock: ManualClock;
let end: ClientEnd;
let statuses: ResumeStatus[];
let events: ResumeEvent[];
let received: Buffer[];
let ends: StreamEnd[];
let over: StreamEnd | undefined;
/** What the next dials find, in turn; then `retry`. */
let outcomes: (TransportOutcome | 'never')[];
let dialledAt: number[];
let signals: AbortSignal[];

beforeEach(() => {
  clock = new ManualClock();
  [statuses, events, received, ends, outcomes, dialledAt, signals] = [[], [], [], [], [], [], []];
  over = undefined;
  end = makeEnd();
  end.stream.attach({
    data: (chunk) => received.push(chunk),
    drained: () => {},
    ended: (how) => ends.push(how),
  });
});

function makeEnd(options: { readonly openWindowMs?: number } = {}): ClientEnd {
  return new ClientEnd({
    ...options,
    clock,
    resumeWindowMs: RESUME_WINDOW_MS,
    // The largest jitter there is, so that the delays are the ceilings.
    random: () => 1 - Number.EPSILON,
    randomBytes: (count) => Buffer.alloc(count, 5),
    dial: async (signal) => {
      dialledAt.push(clock.now());
      signals.push(signal);
      const outcome = outcomes.shift() ?? { kind: 'retry' };
      return outcome === 'never' ? new Promise<TransportOutcome>(() => {}) : outcome;
    },
    onStatus: (status) => statuses.push(status),
    onEvent: (event) => events.push(event),
    onOver: (how) => {
      over = how;
    },
  });
}

function offer(): RawPeer {
  const wire = makeWire(clock, PERFECT_WIRE);
  outcomes.push({ kind: 'open', transport: wire.client });
  return new RawPeer(wire.agent);
}

const STEP_MS = 50;

async function pass(ms = 0): Promise<void> {
  // In steps, so that a promise that is kept on the way can set the next timer in time.
  for (let left = ms; left > 0; left -= STEP_MS) {
    clock.advance(Math.min(STEP_MS, left));
    await new Promise((resolve) => setImmediate(resolve));
  }
  clock.advance(0);
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(0);
}

async function establish(): Promise<RawPeer> {
  const peer = offer();
  end.start();
  await pass();
  peer.send(encodeOpened({ received: 0 }));
  await pass();
  expect(end.state).toBe('carried');
  return peer;
}

function lastOf(peer: RawPeer): ReceivedFrame | undefined {
  return peer.frames.at(-1);
}

test('it opens a new stream first, and resumes the same one with what it received after a loss', async () => {
  const first = await establish();
  first.send(encodeData(0, Buffer.from('hello')));
  await pass();
  const second = offer();
  first.cut();
  await pass();
  const [open] = first.frames;
  expect(open).toMatchObject({ kind: 'open', mode: 'new', received: 0 });
  expect(second.frames).toEqual([{ ...open, mode: 'resume', received: 5 }]);
  second.send(encodeOpened({ received: 0 }), encodeData(5, Buffer.from(' again')));
  await pass();
  expect(Buffer.concat(received).toString()).toBe('hello again');
});

test('it dials at once after a good transport, and with growing delays while nobody is there', async () => {
  const peer = await establish();
  await pass(STABLE_AFTER_MS);
  dialledAt = [];
  const lostAt = clock.now();
  peer.cut();
  await pass();
  await pass(20_000);
  const gaps = dialledAt.map((at, index) => Math.round(at - (dialledAt[index - 1] ?? lostAt)));
  // Whole milliseconds below the bounds of 50 and 75; from the second on as late as `pass` steps.
  expect(gaps.slice(0, 3)).toEqual([0, 49, 75]);
  // A dial is seen up to one step of `pass` late.
  const steps = gaps.map((gap) => Math.round(gap / STEP_MS));
  for (const [index, step] of steps.entries())
    expect(step).toBeGreaterThanOrEqual((steps[index - 1] ?? 0) - 1);
  expect(steps.at(-1)).toBe(BACKOFF_LAST_MS / STEP_MS);
});

test('a relay that asks for a wait while it re-dials is not asked before', async () => {
  const peer = await establish();
  await pass(STABLE_AFTER_MS);
  outcomes.push({ kind: 'retry', waitMs: 7_000 });
  dialledAt = [];
  peer.cut();
  await pass(6_900);
  expect(dialledAt).toHaveLength(1);
  await pass(200);
  expect(dialledAt).toHaveLength(2);
});

test('a transport that opens and is lost again and again is not dialled at once', async () => {
  let peer = await establish();
  for (let turn = 0; turn < 5; turn += 1) {
    const next = offer();
    peer.cut();
    await pass(BACKOFF_LAST_MS);
    next.send(encodeOpened({ received: 0 }));
    await pass();
    peer = next;
  }
  const last = dialledAt.length;
  peer.cut();
  await pass();
  expect(dialledAt.length).toBe(last);
});

test('a transport on which OPENED does not come is cut and dialled again', async () => {
  const silent = offer();
  const second = offer();
  end.start();
  await pass(OPEN_TIMEOUT_MS - 50);
  expect(silent.end).toBeUndefined();
  await pass(200);
  expect(silent.end).toBeDefined();
  expect(second.frames[0]).toMatchObject({ kind: 'open', mode: 'new' });
});

test('a re-dial that does not answer is aborted and tried again', async () => {
  const peer = await establish();
  outcomes.push('never');
  peer.cut();
  await pass(REDIAL_TIMEOUT_MS + BACKOFF_LAST_MS);
  expect(signals[1]?.aborted).toBe(true);
  expect(dialledAt.length).toBeGreaterThan(2);
});

test('a person is told after 3 s, once, and once more when it is back', async () => {
  const peer = await establish();
  peer.cut();
  await pass(NOTICE_AFTER_MS - 50);
  expect(statuses).toEqual([]);
  await pass(10_000);
  expect(statuses.map((status) => status.kind)).toEqual(['interrupted']);
  const back = offer();
  await pass(BACKOFF_LAST_MS);
  back.send(encodeOpened({ received: 0 }));
  await pass(NOTICE_AFTER_MS);
  expect(statuses.map((status) => status.kind)).toEqual(['interrupted', 'restored']);
});

test('a short interruption is not worth a line', async () => {
  const peer = await establish();
  const next = offer();
  peer.cut();
  await pass(1_000);
  next.send(encodeOpened({ received: 0 }));
  await pass(NOTICE_AFTER_MS * 2);
  expect(statuses).toEqual([]);
  expect(events.map((event) => event.kind)).toEqual(['opened', 'detached', 'resumed']);
});

test('it gives up when the window is over, and not before', async () => {
  const peer = await establish();
  peer.cut();
  await pass(RESUME_WINDOW_MS - 100);
  expect(ends).toEqual([]);
  await pass(200);
  expect(ends.map((how) => how.reason)).toEqual(['lost']);
  expect(over?.reason).toBe('lost');
  expect(clock.pending).toBe(0);
});

test('it gives up on a stream that never opened a window after the first answer', async () => {
  end.start();
  await pass(RESUME_WINDOW_MS + 100);
  expect(ends.map((how) => how.reason)).toEqual(['lost']);
});

test('it gives up on a new stream sooner than on one that exists, where told so', async () => {
  const impatient = makeEnd({ openWindowMs: 5_000 });
  impatient.start();
  await pass(5_100);
  expect(over).toMatchObject({ reason: 'lost' });
});

test('a person who waits for a new stream is told after 3 s, once, and once more when the agent answers', async () => {
  offer();
  const second = offer();
  end.start();
  await pass(NOTICE_AFTER_MS - 50);
  expect(statuses).toEqual([]);
  await pass(OPEN_TIMEOUT_MS);
  expect(statuses).toEqual([{ kind: 'unanswered', windowMs: RESUME_WINDOW_MS }]);
  second.send(encodeOpened({ received: 0 }));
  await pass();
  expect(statuses).toHaveLength(2);
  expect(statuses[1]).toMatchObject({ kind: 'answered' });
});

test.each([30_000, 600_000])(
  'it dials for as long as the agent keeps the stream: %d ms',
  async (windowMs) => {
    const peer = offer();
    end.start();
    await pass();
    peer.send(encodeOpened({ received: 0, resumeWindowMs: windowMs }));
    await pass();
    peer.cut();
    await pass(windowMs - 100);
    expect(ends).toEqual([]);
    expect(statuses).toEqual([{ kind: 'interrupted', windowMs }]);
    await pass(200);
    expect(ends.map((how) => how.reason)).toEqual(['lost']);
  },
);

test('it does not dial again for an agent that keeps no stream without a transport', async () => {
  const peer = offer();
  end.start();
  await pass();
  peer.send(encodeOpened({ received: 0, resumeWindowMs: 0 }));
  await pass();
  peer.cut();
  await pass();
  expect(ends.map((how) => how.reason)).toEqual(['lost']);
  expect(dialledAt).toHaveLength(1);
  expect(clock.pending).toBe(0);
});

test('the window that the agent tells last counts, and none is longer than timers hold', async () => {
  const first = offer();
  end.start();
  await pass();
  first.send(encodeOpened({ received: 0, resumeWindowMs: (2 ** 32 - 1) * 1_000 }));
  await pass();
  const second = offer();
  first.cut();
  await pass();
  expect(ends).toEqual([]);
  second.send(encodeOpened({ received: 0, resumeWindowMs: 5_000 }));
  await pass(STABLE_AFTER_MS);
  second.cut();
  await pass(5_100);
  expect(ends.map((how) => how.reason)).toEqual(['lost']);
});

test('an agent of the first version is asked again in that, at once, and takes its window to be the usual one', async () => {
  const first = offer();
  const second = offer();
  end.start();
  await pass();
  expect(first.frames).toMatchObject([{ kind: 'open', version: 2, mode: 'new' }]);
  first.send(encodeRefused('bad_version'));
  await pass();
  expect(second.frames).toMatchObject([{ kind: 'open', version: 1, mode: 'new' }]);
  second.send(encodeOpened({ received: 0 }));
  await pass();
  expect(end.state).toBe('carried');
  const third = offer();
  second.cut();
  await pass();
  expect(third.frames).toMatchObject([{ kind: 'open', version: 1, mode: 'resume' }]);
  third.cut();
  await pass(RESUME_WINDOW_MS - 100);
  expect(ends).toEqual([]);
});

test('an agent that speaks no version that the client does ends the stream in one sentence', async () => {
  const [first, second] = [offer(), offer()];
  end.start();
  await pass();
  first.send(encodeRefused('bad_version'));
  await pass();
  second.send(encodeRefused('bad_version'));
  await pass();
  expect(ends).toEqual([
    { reason: 'fault', detail: 'the version of the resume protocol is not spoken (bad_version)' },
  ]);
});

test('a refusal for good ends the stream with what the dial said', async () => {
  outcomes.push({ kind: 'fatal', end: { reason: 'expired', detail: 'no such agent' } });
  end.start();
  await pass();
  expect(ends).toEqual([{ reason: 'expired', detail: 'no such agent' }]);
  expect(over).toEqual({ reason: 'expired', detail: 'no such agent' });
  expect(clock.pending).toBe(0);
});

test('an agent that does not know the stream ends it in one sentence', async () => {
  const first = await establish();
  const second = offer();
  first.cut();
  await pass();
  second.send(encodeRefused('unknown_session'));
  await pass();
  expect(ends).toEqual([
    { reason: 'lost', detail: 'the agent does not know this session any more (unknown_session)' },
  ]);
});

test('an agent that forgot a stream which was finished is no loss to anybody', async () => {
  const first = await establish();
  end.stream.write(Buffer.from('bye'));
  await pass();
  first.send(encodeFin(0));
  await pass();
  expect(ends).toEqual([{ reason: 'ended' }]);
  const second = offer();
  first.cut();
  await pass(100);
  second.send(encodeRefused('unknown_session'));
  await pass();
  expect(over).toEqual({ reason: 'ended' });
});

test('an OPENED with an impossible offset resets the stream', async () => {
  const peer = offer();
  end.start();
  await pass();
  peer.send(encodeOpened({ received: 1 }));
  await pass(1);
  expect(lastOf(peer)).toEqual({ kind: 'reset', code: 'bad_offset' });
  expect(ends.map((how) => how.reason)).toEqual(['fault']);
});

test('what is no answer to OPEN ends a new stream, and costs a resumed one only that transport', async () => {
  const first = await establish();
  const second = offer();
  first.cut();
  await pass();
  second.send(Buffer.from('SSH-2.0-other\r\n'));
  const third = offer();
  await pass(200);
  expect(ends).toEqual([]);
  third.send(encodeOpened({ received: 0 }), encodeData(0, Buffer.from('fine')));
  await pass();
  expect(Buffer.concat(received).toString()).toBe('fine');
});

test('a cut while it dials stops everything, and a transport that comes too late is cut', async () => {
  end.start();
  const late = offer();
  end.stream.cut({ reason: 'ended' });
  await pass(1);
  expect(ends).toEqual([{ reason: 'ended' }]);
  expect(signals[0]?.aborted).toBe(true);
  expect(late.frames).toEqual([]);
  expect(clock.pending).toBe(0);
});

test('acknowledgements leave after 200 ms, and at once with the FIN', async () => {
  const peer = await establish();
  peer.send(encodeData(0, Buffer.from('12345')));
  await pass(150);
  expect(lastOf(peer)).toMatchObject({ kind: 'open' });
  await pass(100);
  expect(lastOf(peer)).toEqual({ kind: 'ack', total: 5 });
  peer.send(encodeFin(5));
  await pass();
  expect(peer.frames.slice(-2)).toEqual([
    { kind: 'fin', offset: 0 },
    { kind: 'ack', total: 6 },
  ]);
  peer.send(encodeAck(1));
  await pass(1);
  expect(over).toEqual({ reason: 'ended' });
  expect(clock.pending).toBe(0);
});

test('random bytes instead of an answer never throw and never arrive as data', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 5 }),
      async (chunks) => {
        const got: Buffer[] = [];
        const wire = makeWire(clock, PERFECT_WIRE);
        const peer = new RawPeer(wire.agent);
        const client = new ClientEnd({
          clock,
          resumeWindowMs: RESUME_WINDOW_MS,
          random: () => 0.5,
          randomBytes: (count) => Buffer.alloc(count, 5),
          dial: async () => ({ kind: 'open', transport: wire.client }),
          onStatus: () => {},
          onEvent: () => {},
          onOver: () => {},
        });
        client.stream.attach({ data: (chunk) => got.push(chunk), drained: () => {}, ended: () => {} });
        client.start();
        await pass();
        peer.send(...chunks.map((chunk) => Buffer.from(chunk)));
        await pass();
        expect(got).toEqual([]);
        client.stream.cut({ reason: 'ended' });
      },
    ),
    { numRuns: 100 },
  );
});
