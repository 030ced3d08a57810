// The limits of sign-ons: per address, per pod, and that addresses are forgotten.
import { expect, test } from 'vitest';
import {
  ADDRESS_SIGN_ONS,
  POD_SIGN_ONS,
  SignOnLimits,
} from '../../../../services/relay/limits/sign-on-limits.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

function take(limits: SignOnLimits, times: number, key?: string): void {
  for (let taken = 0; taken < times; taken += 1) expect(limits.take(key)).toBeUndefined();
}

test('an address has its burst, and then so many a second; another has its own', () => {
  const clock = new ManualClock();
  const limits = new SignOnLimits(clock);
  take(limits, ADDRESS_SIGN_ONS.burst, 'a');
  expect(limits.take('a')).toEqual({ of: 'address', retrySeconds: 1 });
  take(limits, 1, 'b');
  clock.advance(1_000);
  take(limits, ADDRESS_SIGN_ONS.perSecond, 'a');
  expect(limits.take('a')).toMatchObject({ of: 'address' });
  limits.stop();
});

test('the pod has a limit for all, also those that no limit per address is for', () => {
  const clock = new ManualClock();
  const limits = new SignOnLimits(clock);
  take(limits, POD_SIGN_ONS.burst);
  expect([limits.take(undefined), limits.take('a')]).toEqual([
    { of: 'pod', retrySeconds: 1 },
    { of: 'pod', retrySeconds: 1 },
  ]);
  clock.advance(1_000);
  take(limits, POD_SIGN_ONS.perSecond);
  limits.stop();
});

test('levels show the fullest address and the pod, and addresses that ask for nothing are forgotten', () => {
  const clock = new ManualClock();
  const limits = new SignOnLimits(clock);
  take(limits, 3, 'a');
  take(limits, 5, 'b');
  expect(limits.levels()).toEqual({
    address: { used: 5, max: ADDRESS_SIGN_ONS.burst },
    pod: { used: 8, max: POD_SIGN_ONS.burst },
  });
  expect(clock.pending).toBe(1);
  clock.advance(60_000);
  expect([clock.pending, limits.levels().address.used]).toEqual([0, 0]);
  take(limits, 1, 'a');
  limits.stop();
  limits.stop();
  expect(clock.pending).toBe(0);
});
