// How fast and how often a password may be guessed, with a clock that stands still.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  COMMON_DELAY_FROM,
  commonDelay,
  FAILURES_KEPT_MS,
  failureDelay,
  MAX_COMMON_DELAY_MS,
  MAX_FAILURE_DELAY_MS,
  MAX_GUESS_WAIT_MS,
  MAX_PASSWORD_FAILURES,
  MAX_SOURCES,
  PasswordGuard,
} from '../../../../services/agent/access/password-guard.ts';
import { LOGIN_GRACE_MS } from '../../../../services/agent/crowd/login-limits.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

function start() {
  const clock = new ManualClock();
  const shut: number[] = [];
  const guard = new PasswordGuard({ clock, onTooMany: (failures) => shut.push(failures) });
  const fail = (address: string, times = 1): void => {
    for (let time = 0; time < times; time += 1) guard.failed(address);
  };
  return { clock, guard, shut, fail };
}

test('the first guess of anybody is compared at once', () => {
  const { guard } = start();
  expect(guard.turnOf('192.0.2.1')).toEqual({ kind: 'wait', ms: 0 });
  expect(guard.turnOf('192.0.2.2')).toEqual({ kind: 'wait', ms: 0 });
});

test('guesses that come at the same time over many connections wait for one another', () => {
  const { guard } = start();
  const waits = Array.from({ length: 4 }, () => guard.turnOf('192.0.2.1'));
  expect(waits).toEqual([0, 500, 1_000, 1_500].map((ms) => ({ kind: 'wait', ms })));
});

test('the failures of a source count over its connections, and each doubles the wait', () => {
  const { guard, clock } = start();
  for (const expected of [500, 1_000, 2_000, 4_000, 8_000, MAX_FAILURE_DELAY_MS, MAX_FAILURE_DELAY_MS]) {
    expect(guard.turnOf('2001:db8::1')).toEqual({ kind: 'wait', ms: 0 });
    expect(guard.failed('2001:db8::2')).toBe(expected);
    expect(guard.turnOf('2001:db8::3')).toEqual({ kind: 'wait', ms: expected });
    clock.advance(MAX_FAILURE_DELAY_MS * 3);
  }
});

test('a guess that had to wait for longer than its limit is not compared at all', () => {
  const { guard, fail } = start();
  fail('192.0.2.1', 6);
  expect(guard.turnOf('192.0.2.1')).toEqual({ kind: 'wait', ms: 10_000 });
  expect(guard.turnOf('192.0.2.1')).toEqual({ kind: 'wait', ms: 20_000 });
  expect(guard.turnOf('192.0.2.1')).toEqual({ kind: 'wait', ms: MAX_GUESS_WAIT_MS });
  expect(guard.turnOf('192.0.2.1')).toEqual({ kind: 'crowded' });
  expect(guard.turnOf('192.0.2.2')).toEqual({ kind: 'wait', ms: 0 });
  expect(MAX_GUESS_WAIT_MS + MAX_FAILURE_DELAY_MS).toBeLessThan(LOGIN_GRACE_MS);
});

test('from ten failures of all together on everybody waits, longer with each ten, but never for long', () => {
  const { guard, fail } = start();
  fail('192.0.2.1', COMMON_DELAY_FROM - 1);
  expect(guard.turnOf('198.51.100.1')).toEqual({ kind: 'wait', ms: 0 });
  fail('192.0.2.1');
  expect(guard.turnOf('198.51.100.2')).toEqual({ kind: 'wait', ms: 100 });
  expect([9, 10, 19, 20, 30, 60, 70, 99].map(commonDelay)).toEqual([
    0,
    100,
    100,
    200,
    400,
    3_200,
    MAX_COMMON_DELAY_MS,
    MAX_COMMON_DELAY_MS,
  ]);
});

test('after a hundred failures of anybody it is off, once, and 99 are not enough', () => {
  const { guard, shut } = start();
  for (let at = 1; at < MAX_PASSWORD_FAILURES; at += 1) guard.failed(`198.51.${at}.1`);
  expect(guard.state).toEqual({ kind: 'on', failures: 99 });
  expect(shut).toEqual([]);
  guard.failed('192.0.2.1');
  guard.failed('192.0.2.1');
  expect(guard.state).toEqual({ kind: 'off', reason: 'too_many_failures', failures: 100 });
  expect(shut).toEqual([100]);
  expect(guard.turnOf('203.0.113.1')).toEqual({ kind: 'off' });
});

test('time turns nothing on again, and neither does whoever turns it off once more', () => {
  const { guard, clock, fail } = start();
  fail('192.0.2.1', MAX_PASSWORD_FAILURES);
  clock.advance(24 * 3_600_000);
  guard.turnOff();
  expect(guard.state).toEqual({ kind: 'off', reason: 'too_many_failures', failures: 100 });
});

test('who turns it on lets everybody begin anew, and it goes off again after the next hundred', () => {
  const { guard, shut, fail } = start();
  fail('192.0.2.1', MAX_PASSWORD_FAILURES);
  guard.turnOn();
  expect(guard.state).toEqual({ kind: 'on', failures: 0 });
  expect(guard.turnOf('192.0.2.1')).toEqual({ kind: 'wait', ms: 0 });
  fail('192.0.2.1', MAX_PASSWORD_FAILURES);
  expect(shut).toEqual([100, 100]);
});

test('the right password frees its source, but not the count of all', () => {
  const { guard, fail } = start();
  fail('192.0.2.1', 5);
  guard.succeeded('192.0.2.1');
  expect(guard.turnOf('192.0.2.1')).toEqual({ kind: 'wait', ms: 0 });
  expect(guard.state).toEqual({ kind: 'on', failures: 5 });
});

test('a source is forgotten an hour after its last failure, and not before', () => {
  const { guard, clock, fail } = start();
  fail('192.0.2.1', 3);
  clock.advance(FAILURES_KEPT_MS);
  expect(guard.failed('192.0.2.1')).toBe(failureDelay(4));
  clock.advance(FAILURES_KEPT_MS + failureDelay(4) + 1);
  guard.turnOf('192.0.2.2');
  expect(guard.remembered).toBe(1);
});

test('no more sources are remembered than its limit, whatever they do', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 3_000, maxLength: 3_000 }), (fails) => {
      const { guard, clock } = start();
      for (const [at, isFailure] of fails.entries()) {
        const address = `10.0.${at >> 8}.${at & 255}`;
        guard.turnOf(address);
        if (isFailure) guard.failed(address);
        if (guard.state.kind === 'off') guard.turnOn();
        clock.advance(at % 3);
        expect(guard.remembered).toBeLessThanOrEqual(MAX_SOURCES);
      }
    }),
    { numRuns: 5 },
  );
});
