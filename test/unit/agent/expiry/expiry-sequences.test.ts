// The expiry machine: what holds for any sequence of events.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as expiry from '../../../../services/agent/expiry/expiry.ts';
import {
  activity,
  type ExpiryEvent,
  LIMITS,
  leave,
  letGo,
  login,
  lose,
  MINUTE,
  old,
  pass,
  passBy,
  rm,
  START,
  step,
  touch,
} from '../../../support/agent/expiry-events.ts';

describe('any sequence of events', () => {
  const event = fc.oneof(
    fc.constantFrom<ExpiryEvent>(login, leave, lose, passBy, activity, touch, rm, old, letGo, pass, {
      kind: 'unreadable',
    }),
    fc
      .integer({ min: -7_200_000, max: 7_200_000 })
      .map((offsetMs): ExpiryEvent => ({ kind: 'hold', offsetMs })),
    fc
      .integer({ min: -7_200_000, max: 7_200_000 })
      .map((offsetMs): ExpiryEvent => ({ kind: 'touch', offsetMs })),
    { weight: 1, arbitrary: fc.constant<ExpiryEvent>({ kind: 'end' }) },
  );
  const history = fc.array(fc.tuple(event, fc.integer({ min: 0, max: 5 * MINUTE })), { maxLength: 60 });
  const limits = fc
    .tuple(fc.integer({ min: 1_000, max: 30 * MINUTE }), fc.integer({ min: 0, max: 60 * MINUTE }))
    .map(([timeoutMs, more]) => ({ timeoutMs, maxLifetimeMs: timeoutMs + more }));

  test('keeps the deadline between start + timeout and start + max lifetime, and ends exactly there', () => {
    fc.assert(
      fc.property(limits, history, (limits, events) => {
        let state: expiry.ExpiryState = expiry.start(limits, START);
        let now = START;
        for (const [event, passed] of events) {
          now += passed;
          state = step(state, event, now);
          if (state.kind === 'ended') return;
          const deadline = expiry.deadline(state);
          expect(deadline).toBeGreaterThanOrEqual(START + limits.timeoutMs);
          expect(deadline).toBeLessThanOrEqual(START + limits.maxLifetimeMs);
          expect(expiry.tick(state, deadline - 1)).toBe(state);
          expect(expiry.tick(state, deadline).kind).toBe('ended');
          expect(expiry.nextWakeup(state, now)).toBeGreaterThanOrEqual(now);
          expect(expiry.nextWakeup(state, now)).toBeLessThanOrEqual(Math.max(now, deadline));
        }
      }),
    );
  });

  test('counts clients as logins minus departures, and an end stays as it was', () => {
    fc.assert(
      fc.property(history, (events) => {
        let state: expiry.ExpiryState = expiry.start(LIMITS, START);
        let now = START;
        let clients = 0;
        for (const [event, passed] of events) {
          now += passed;
          const before = state;
          state = step(state, event, now);
          if (before.kind === 'ended') {
            expect(state).toBe(before);
            continue;
          }
          if (event.kind === 'login') clients += 1;
          if (['leave', 'lose', 'pass_by'].includes(event.kind)) clients = Math.max(0, clients - 1);
          if (state.kind !== 'ended') expect(expiry.clientCount(state)).toBe(clients);
        }
      }),
    );
  });

  test('ends before the deadline only by a goodbye, a release or a request', () => {
    fc.assert(
      fc.property(history, (events) => {
        let state: expiry.ExpiryState = expiry.start(LIMITS, START);
        let now = START;
        for (const [event, passed] of events) {
          now += passed;
          if (expiry.tick(state, now).kind === 'ended') return;
          const before = state;
          state = step(state, event, now);
          if (state.kind !== 'ended') continue;
          const [released, left] = ['released', 'client_left'];
          const reason = { leave: left, rm: released, old: released, let_go: released, end: 'ended_by_user' };
          if (event.kind === 'pass_by') {
            // Not on its own: somebody had said goodbye before.
            expect(before).toMatchObject({ kind: 'attended', clients: 1, lastGone: 'left' });
            expect(state.reason).toBe('client_left');
          } else {
            expect(reason).toHaveProperty(event.kind, state.reason);
          }
          return;
        }
      }),
    );
  });

  test('never ends while something holds, but at the deadline or on request', () => {
    fc.assert(
      fc.property(history, (events) => {
        let state: expiry.ExpiryState = expiry.start(LIMITS, START);
        let now = START;
        for (const [event, passed] of events) {
          now += passed;
          const before = expiry.tick(state, now);
          state = step(state, event, now);
          if (before.kind === 'ended') return;
          const isHeldAfter = heldAfter(before, event);
          if (state.kind === 'ended') {
            if (event.kind !== 'end') expect(isHeldAfter).toBe(false);
            return;
          }
          expect(expiry.heldBy(state) !== undefined).toBe(isHeldAfter);
          // Everybody has left by a goodbye, and it lives: then something holds.
          if (state.kind === 'held') expect(isHeldAfter).toBe(true);
          if (event.kind === 'hold') {
            expect(expiry.deadline(state)).toBeGreaterThanOrEqual(expiry.deadline(before));
          }
        }
      }),
    );
  });

  test('never repeats a warning level while the deadline stands', () => {
    fc.assert(
      fc.property(limits, history, (limits, events) => {
        let state: expiry.ExpiryState = expiry.start(limits, START);
        let now = START;
        let last: { level: number; deadline: number } | undefined;
        for (const [event, passed] of events) {
          now += passed;
          state = step(state, event, now);
          if (state.kind === 'ended') return;
          const taken = expiry.takeWarning(state, now);
          state = taken.state;
          // One that moved out and came back has not stood: it arms its levels again.
          if (last?.deadline !== expiry.deadline(state)) last = undefined;
          if (taken.due === undefined) continue;
          expect(taken.due).toBeLessThan(limits.timeoutMs);
          expect(expiry.remaining(state, now)).toBeLessThanOrEqual(taken.due);
          if (last !== undefined) expect(taken.due).toBeLessThan(last.level);
          last = { level: taken.due, deadline: expiry.deadline(state) };
        }
      }),
    );
  });
});

/** Whether something holds after `event`, told from what held before it. */
function heldAfter({ heldAt, heldInMemoryAt }: expiry.LiveState, { kind }: ExpiryEvent): boolean {
  const file = kind === 'touch' || (kind !== 'rm' && kind !== 'old' && heldAt !== undefined);
  const memory = kind === 'hold' || (kind !== 'let_go' && heldInMemoryAt !== undefined);
  return file || memory;
}
