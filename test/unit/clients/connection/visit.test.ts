// A client's visit: whichever side leaves first, the other is told for a limited time.
import { expect, test } from 'vitest';
import { BACKOFF_LAST_MS, REDIAL_TIMEOUT_MS } from '#shared/resume/limits.ts';
import type { ResumeEvent } from '#shared/resume/resume-events.ts';
import { ResumableStreamTable } from '#shared/resume/stream-table.ts';
import type { ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import { PING_EVERY_MS, PONG_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import { resumeOver } from '../../../../services/clients/connection/resuming.ts';
import { FAREWELL_WITHIN_MS, runVisit } from '../../../../services/clients/connection/visit.ts';
import { makeWire, PERFECT_WIRE } from '../../../support/resume/resume-wire.ts';
import { FakeStream } from '../../../support/stream/fake-stream.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle } from '../../../support/time/poll.ts';

/** A visit whose way to the agent is lost, and stays so. */
function interrupted() {
  const clock = new ManualClock();
  const local = new FakeStream();
  const stream = new FakeStream();
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const cuts: StreamEnd[] = [];
  // As in a resumable stream: also what has ended here is not over before the agent knows.
  stream.cut = (end) => {
    cuts.push(end);
    resolve();
  };
  const connected = {
    kind: 'connected' as const,
    stream,
    over,
    isInterrupted: () => true,
    hostRefusal: () => undefined,
  };
  const ended = runVisit({ local, connected, clock, signal: new AbortController().signal });
  return { clock, local, stream, cuts, ended };
}

test.each(['local', 'stream'] as const)(
  'when the %s side has ended and there is no way, it gives up',
  async (side) => {
    const visit = interrupted();
    await settle();
    visit[side].leave({ reason: 'ended' });
    await settle();
    visit.clock.advance(FAREWELL_WITHIN_MS - 1);
    await settle();
    expect(visit.cuts).toEqual([]);
    visit.clock.advance(1);
    expect(visit.cuts).toEqual([{ reason: 'lost' }]);
    expect(await visit.ended).toMatchObject({ kind: 'ended' });
    expect(visit.clock.pending).toBe(0);
  },
);

/** A visit of which an agent knows, on a first transport that the test can end; `redial` says what the next dials find. */
function carried(redial: (signal: AbortSignal, open: () => ByteStream) => Promise<ByteStream>) {
  const clock = new ManualClock();
  const events: ResumeEvent[] = [];
  const agentEnds: StreamEnd[] = [];
  const table = new ResumableStreamTable<undefined>({
    clock,
    resumeWindowMs: 120_000,
    onStream: (stream) => {
      const ended = (end: StreamEnd): void => {
        agentEnds.push(end);
        stream.close(end);
      };
      stream.attach({ data: () => undefined, drained: () => undefined, ended });
    },
    onEvent: (event) => events.push(event),
  });
  function open() {
    const wire = makeWire(clock, PERFECT_WIRE);
    table.accept(wire.agent, { expects: 'resume', info: undefined });
    return wire;
  }
  const first = open();
  const resuming = resumeOver({
    first: { kind: 'open', stream: first.client },
    redial: async (signal) => ({ kind: 'open', stream: await redial(signal, () => open().client) }),
    via: { relay: new URL('ws://relay.test'), proxy: undefined },
    waitMs: 0,
    clock,
    random: () => 0.999,
    notify: () => undefined,
  });
  const local = new FakeStream();
  const connected = { kind: 'connected' as const, ...resuming, hostRefusal: () => undefined };
  const ended = runVisit({ local, connected, clock, signal: new AbortController().signal });
  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500);
      await settle();
    }
  }
  return { local, first, events, agentEnds, ended, pass };
}

test('a goodbye that a dead network swallowed arrives by the dial after the one that hung in it', async () => {
  let dials = 0;
  const visit = carried((signal, open) => {
    dials += 1;
    if (dials > 1) return Promise.resolve(open());
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  });
  await visit.pass(1_000);
  expect(visit.events.map(({ kind }) => kind)).toEqual(['opened']);
  visit.first.client.freeze();
  visit.first.agent.freeze();
  visit.local.leave({ reason: 'ended' });
  await visit.pass(PING_EVERY_MS + PONG_WITHIN_MS);
  visit.first.client.fail({ reason: 'unanswered_ping' });
  visit.first.agent.fail({ reason: 'unanswered_ping' });
  await visit.pass(REDIAL_TIMEOUT_MS + BACKOFF_LAST_MS + 1_000);
  expect(dials).toBe(2);
  expect(visit.agentEnds).toEqual([{ reason: 'ended' }]);
  expect(visit.events.at(-1)).toEqual({ kind: 'finished' });
  expect(await visit.ended).toEqual({ kind: 'ended', message: undefined });
});

test('the time for a goodbye lets the second dial take as long as the first', () => {
  const seenMs = PING_EVERY_MS + PONG_WITHIN_MS;
  expect(FAREWELL_WITHIN_MS).toBeGreaterThanOrEqual(seenMs + 2 * REDIAL_TIMEOUT_MS + BACKOFF_LAST_MS);
});
