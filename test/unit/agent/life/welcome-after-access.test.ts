// Welcomes of a relay that is asked who may enter: held back until that is known.
import { beforeEach, expect, test } from 'vitest';
import type { AccessOutcome } from '../../../../services/agent/access/relay-access.ts';
import {
  type WelcomeHearer,
  welcomesAfterAccess,
} from '../../../../services/agent/life/welcome-after-access.ts';
import type { Welcome } from '../../../../services/shared/protocol/control-messages.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle } from '../../../support/time/poll.ts';

let heard: string[];
let hearer: WelcomeHearer;
let settled: PromiseWithResolvers<AccessOutcome>;
let clock: ManualClock;

beforeEach(() => {
  heard = [];
  clock = new ManualClock();
  settled = Promise.withResolvers<AccessOutcome>();
  hearer = welcomesAfterAccess(
    {
      welcomed: ({ pod, lifetimeMs }) =>
        heard.push(`welcomed by ${pod}${lifetimeMs === 0 ? '' : ` for ${lifetimeMs} ms`}`),
      relayLost: (reason) => heard.push(`lost: ${reason}`),
      failed: ({ kind, message }) => heard.push(`${kind}: ${message}`),
    },
    { settled: settled.promise, expect: () => heard.push('expect'), stop: () => heard.push('stop') },
    clock,
  );
});

function welcomeBy(pod: string, lifetimeMs = 0): Welcome {
  const rest = { epoch: 1, publicUrl: 'https://relay', grant: '', pass: '', lifetimeMs };
  return { type: 'welcome', id: 'job', pod, ...rest, audit: false, terminal: false };
}

async function settleWith(outcome: AccessOutcome): Promise<void> {
  settled.resolve(outcome);
  await settle();
}

test('the newest one is passed on once it is known, and everything after it', async () => {
  hearer.welcomed(welcomeBy('a'));
  hearer.welcomed(welcomeBy('b'));
  expect(heard).toEqual(['expect', 'expect']);
  await settleWith({ kind: 'settled' });
  hearer.lost('lost');
  hearer.welcomed(welcomeBy('c'));
  expect(heard.slice(2)).toEqual(['welcomed by b', 'lost: lost', 'welcomed by c']);
});

test.each([
  [60_000, 'for 50000 ms'],
  [8_000, 'for 1 ms'],
])('of the %i ms that a relay gives, those of the wait are gone', async (lifetimeMs, left) => {
  hearer.welcomed(welcomeBy('a', lifetimeMs));
  clock.advance(10_000);
  await settleWith({ kind: 'settled' });
  expect(heard.at(-1)).toBe(`welcomed by a ${left}`);
});

test('a link that is lost before it is known was never there', async () => {
  hearer.welcomed(welcomeBy('a'));
  hearer.lost('lost');
  await settleWith({ kind: 'settled' });
  expect(heard).toEqual(['expect', 'stop']);
  hearer.welcomed(welcomeBy('b'));
  expect(heard.at(-1)).toBe('welcomed by b');
});

test('where nobody may enter the agent fails, and is not announced', async () => {
  hearer.welcomed(welcomeBy('a'));
  await settleWith({ kind: 'nobody', message: 'nobody may enter' });
  expect(heard).toEqual(['expect', 'refused: nobody may enter']);
});
