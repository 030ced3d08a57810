// What a terminal still gives after its program has ended: how long it is waited for.
import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { LastOutput } from '../../../../services/agent/platform/last-output.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

let clock: ManualClock;
let overs: number;
let last: LastOutput;

beforeEach(() => {
  clock = new ManualClock();
  overs = 0;
  const over = (): void => {
    overs += 1;
  };
  last = new LastOutput({ clock, quietMs: 100, maxBytes: 1000, over });
});

async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  // It looks once more before it believes that there is nothing.
  await turn();
  await turn();
}

test('it is over when nothing has come for long enough, counted from the last chunk', async () => {
  last.resume();
  await pass(99);
  last.received(10);
  await pass(99);
  expect(overs).toBe(0);
  await pass(1);
  expect(overs).toBe(1);
});

test('what comes between the timer and the look counts', async () => {
  last.resume();
  clock.advance(100);
  last.received(10);
  await turn();
  await turn();
  expect(overs).toBe(0);
  await pass(100);
  expect(overs).toBe(1);
});

test('while it is paused no time passes, not even if one more chunk comes', async () => {
  last.resume();
  last.stop();
  last.received(10);
  await pass(1000);
  expect(overs).toBe(0);
  last.resume();
  await pass(100);
  expect(overs).toBe(1);
});

test('past the most bytes it is over at once, and only once', async () => {
  last.resume();
  last.received(1000);
  expect(overs).toBe(0);
  last.received(1);
  expect(overs).toBe(1);
  await pass(1000);
  expect(overs).toBe(1);
});

test('after a stop it is never over; a stop may come twice', async () => {
  last.resume();
  last.stop();
  last.stop();
  await pass(1000);
  expect(overs).toBe(0);
});
