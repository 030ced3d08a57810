// The states of the client end: each row of the table in client-end.ts, and none besides.
import { beforeEach, expect, test } from 'vitest';
import { ClientEnd, type TransportOutcome } from '#shared/resume/client-end.ts';
import { encodeAck, encodeOpened, encodeRefused } from '#shared/resume/frames.ts';
import {
  BACKOFF_LAST_MS,
  OPEN_TIMEOUT_MS,
  REDIAL_TIMEOUT_MS,
  RESUME_WINDOW_MS,
  STABLE_AFTER_MS,
} from '#shared/resume/limits.ts';
import type { ResumeEvent } from '#shared/resume/resume-events.ts';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import { RawPeer } from '../../../support/resume/resume-peer.ts';
import { makeWire, PERFECT_WIRE } from '../../../support/resume/resume-wire.ts';
import { stateTableOf } from '../../../support/resume/state-table.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const TABLE = stateTableOf(new URL('../../../../services/shared/resume/client-end.ts', import.meta.url));
/** Shorter than what it may wait for an answer to OPEN, so that every state can see it end. */
const OPEN_WINDOW_MS = 8_000;

let clock: ManualClock;
let end: ClientEnd;
let events: ResumeEvent[];
let over: StreamEnd[];
/** The dials that nobody has answered yet, oldest first; and whether each was aborted. */
let dials: { readonly answer: (outcome: TransportOutcome) => void; readonly signal: AbortSignal }[];

beforeEach(() => {
  clock = new ManualClock();
  [events, over, dials] = [[], [], []];
  end = makeEnd({});
});

function makeEnd(options: { readonly openWindowMs?: number }): ClientEnd {
  return new ClientEnd({
    ...options,
    clock,
    resumeWindowMs: RESUME_WINDOW_MS,
    random: () => 0.5,
    randomBytes: (count) => Buffer.alloc(count, 5),
    dial: (signal) => new Promise((answer) => dials.push({ answer, signal })),
    onStatus: () => {},
    onEvent: (event) => events.push(event),
    onOver: (how) => over.push(how),
  });
}

/** Lets everything happen that is due after `ms`. */
async function pass(ms = 0): Promise<void> {
  clock.advance(ms);
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(0);
}

async function answer(outcome: TransportOutcome): Promise<void> {
  dials.at(-1)?.answer(outcome);
  await pass();
}

/** Answers the newest dial with a transport; the result is who is at its other end. */
async function connect(): Promise<RawPeer> {
  const wire = makeWire(clock, PERFECT_WIRE);
  const peer = new RawPeer(wire.agent);
  await answer({ kind: 'open', transport: wire.client });
  return peer;
}

async function say(peer: RawPeer, ...frames: Buffer[]): Promise<void> {
  peer.send(...frames);
  await pass();
  await pass(1);
}

/** Carried for the first time. */
async function establish(): Promise<RawPeer> {
  end.start();
  const peer = await connect();
  await say(peer, encodeOpened({ received: 0 }));
  return peer;
}

/** Dialling again, for a stream that exists. */
async function lose(): Promise<void> {
  const peer = await establish();
  peer.cut();
  await pass();
}

/** Brings a new client end into `state`; the peer is that of its transport, if there is one. */
async function prepared(state: string): Promise<RawPeer | undefined> {
  if (state === 'idle') return undefined;
  if (state === 'carried') return establish();
  end.start();
  if (state === 'waiting') await answer({ kind: 'retry' });
  return state === 'opening' ? connect() : undefined;
}

function last(peer: RawPeer | undefined): unknown {
  return peer?.frames.at(-1);
}

/** It gives up when nobody has answered within the open window, whatever it is doing then. */
async function endOpenWindow(state: string): Promise<void> {
  end = makeEnd({ openWindowMs: OPEN_WINDOW_MS });
  end.start();
  // The window begins with the first outcome.
  await answer({ kind: 'retry' });
  if (state === 'waiting') {
    await pass(BACKOFF_LAST_MS);
    await answer({ kind: 'retry', waitMs: 60_000 });
  } else {
    await pass(BACKOFF_LAST_MS);
    if (state === 'opening') await connect();
  }
  expect(end.state).toBe(state);
  await pass(OPEN_WINDOW_MS - BACKOFF_LAST_MS - 1);
  expect(end.state).toBe(state);
  await pass(1);
  expect(events.at(-1)).toEqual({ kind: 'given_up', afterMs: OPEN_WINDOW_MS });
  expect(over).toMatchObject([{ reason: 'lost' }]);
}

async function cut(): Promise<void> {
  end.stream.cut({ reason: 'ended' });
  await pass();
  expect(over).toEqual([{ reason: 'ended' }]);
}

/** What happens in each row, with what must be seen of it. */
const CASES: Record<string, (peer: RawPeer | undefined) => Promise<void>> = {
  'idle: start': async () => {
    end.start();
    expect(dials).toHaveLength(1);
  },
  'dialling: a transport': async () => {
    expect(last(await connect())).toMatchObject({ kind: 'open', version: 2, mode: 'new', received: 0 });
  },
  'dialling: not now': () => answer({ kind: 'retry' }),
  'dialling: never': async () => {
    await answer({ kind: 'fatal', end: { reason: 'fault', detail: 'no such agent' } });
    expect(over).toEqual([{ reason: 'fault', detail: 'no such agent' }]);
  },
  'dialling: 15 s of a re-dial': async () => {
    end = makeEnd({});
    dials = [];
    await lose();
    expect(end.state).toBe('dialling');
    await pass(REDIAL_TIMEOUT_MS - 1);
    expect(end.state).toBe('dialling');
    await pass(1);
    expect(dials.at(-1)?.signal.aborted).toBe(true);
  },
  'waiting: the wait is over': async () => {
    await pass(BACKOFF_LAST_MS);
    expect(dials).toHaveLength(2);
  },
  'opening: OPENED that fits': async (peer) => {
    peer?.send(encodeOpened({ received: 0 }));
    await pass();
    expect(events).toEqual([{ kind: 'opened' }]);
  },
  'opening: OPENED that does not fit': async (peer) => {
    peer?.send(encodeOpened({ received: 1 }));
    await pass();
    await pass(1);
    expect(last(peer)).toEqual({ kind: 'reset', code: 'bad_offset' });
    expect(over).toMatchObject([{ reason: 'fault' }]);
  },
  'opening: REFUSED (bad_version)': async (peer) => {
    peer?.send(encodeRefused('bad_version'));
    await pass();
    expect(dials).toHaveLength(2);
  },
  'opening: REFUSED (bad_version), of the oldest': async (peer) => {
    peer?.send(encodeRefused('bad_version'));
    await pass();
    const older = await connect();
    expect(last(older)).toMatchObject({ kind: 'open', version: 1 });
    await say(older, encodeRefused('bad_version'));
    expect(over).toMatchObject([{ reason: 'fault' }]);
  },
  'opening: REFUSED (open_timeout)': async (peer) => {
    peer?.send(encodeRefused('open_timeout'));
    await pass();
    expect(events).toEqual([{ kind: 'refused', code: 'open_timeout' }]);
  },
  'opening: REFUSED, any other': async (peer) => {
    peer?.send(encodeRefused('too_many_sessions'));
    await pass();
    expect(events).toEqual([{ kind: 'refused', code: 'too_many_sessions' }]);
    expect(over).toMatchObject([{ reason: 'fault' }]);
  },
  'opening: no answer, to a new stream': async (peer) => {
    peer?.send(encodeAck(0));
    await pass();
    await pass(1);
    expect(last(peer)).toEqual({ kind: 'reset', code: 'protocol_error' });
  },
  'opening: no answer, to one that exists': async () => {
    end = makeEnd({});
    await lose();
    const peer = await connect();
    expect(last(peer)).toMatchObject({ kind: 'open', mode: 'resume' });
    peer.send(encodeAck(0));
    await pass();
    expect(peer.end).toBeDefined();
    expect(last(peer)).toMatchObject({ kind: 'open' });
  },
  'opening: the transport ends': async (peer) => {
    peer?.cut();
    await pass();
  },
  'opening: an operator ended the transport': async (peer) => {
    peer?.close({ reason: 'ended_by_operator' });
    await pass();
    expect(over).toMatchObject([{ reason: 'ended_by_operator' }]);
  },
  'opening: 10 s': async (peer) => {
    await pass(OPEN_TIMEOUT_MS - 1);
    expect(end.state).toBe('opening');
    await pass(1);
    expect(peer?.end).toBeDefined();
  },
  'carried: lost, after 3 s or for the first time': async (peer) => {
    peer?.cut();
    await pass();
    expect(end.state).toBe('dialling');
    const second = await connect();
    await say(second, encodeOpened({ received: 0 }));
    await pass(STABLE_AFTER_MS);
    second.cut();
    await pass();
  },
  'carried: lost again, within 3 s': async (peer) => {
    peer?.cut();
    await pass();
    const second = await connect();
    await say(second, encodeOpened({ received: 0 }));
    await pass(STABLE_AFTER_MS - 2);
    second.cut();
    await pass();
  },
  'dialling: the open window ends': () => endOpenWindow('dialling'),
  'waiting: the open window ends': () => endOpenWindow('waiting'),
  'opening: the open window ends': () => endOpenWindow('opening'),
  'dialling: cut': async () => {
    await cut();
    expect(dials.at(-1)?.signal.aborted).toBe(true);
    expect((await connect()).end).toBeDefined();
  },
  'waiting: cut': async () => {
    await cut();
    await pass(BACKOFF_LAST_MS);
    expect(dials).toHaveLength(1);
  },
  'opening: cut': async (peer) => {
    await cut();
    expect(peer?.end).toBeDefined();
  },
};

test('every row of the table is tried here, and nothing that is not in it', () => {
  expect(Object.keys(CASES).sort()).toEqual(TABLE.map(({ state, event }) => `${state}: ${event}`).sort());
});

test.each(TABLE)('$state: $event -> $next', async ({ state, event, next }) => {
  const peer = await prepared(state);
  expect(end.state).toBe(state);
  await CASES[`${state}: ${event}`]?.(peer);
  expect(end.state).toBe(next);
  expect(over).toHaveLength(next === 'over' ? 1 : 0);
});
