// The turn: one at a time, and nobody waits for a program that was killed.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type EndTurn,
  LEFT_BEHIND_AFTER_MS,
  TOUCH_EVERY_MS,
  takeTurn,
} from '../../../../services/clients/sign-on/turn.ts';
import { isFileWorkPending } from '../../../support/time/file-work.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { until } from '../../../support/time/poll.ts';

let folder: string;
let clock: ManualClock;
let noticed: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'turn-'));
  clock = new ManualClock();
  noticed = 0;
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function take(signal = new AbortController().signal, at = folder): Promise<EndTurn> {
  const onWait = (): void => {
    noticed++;
  };
  return takeTurn({ folder: at, name: 'x.turn', clock, onWait, signal });
}

/** Moves the clock on, step by step, until `promise` has resolved; gives how long that took. */
async function advanceUntil(promise: Promise<unknown>, withinMs: number): Promise<number> {
  const from = clock.now();
  let isDone = false;
  void promise.then(() => {
    isDone = true;
  });
  await until('the turn has come', async () => {
    if (isDone) return true;
    if (clock.now() - from > withinMs) throw new Error(`not within ${withinMs} ms`);
    if (clock.pending > 0 && !isFileWorkPending()) clock.advance(200);
    return false;
  });
  return clock.now() - from;
}

test('the second waits for the first, and hears what for if it takes long', async () => {
  const end = await take();
  const second = take();
  let hasCome = false;
  void second.then(() => {
    hasCome = true;
  });
  // The first touches its file: it is there for as long as it likes.
  for (let passed = 0; passed < 2 * LEFT_BEHIND_AFTER_MS; passed += 200) {
    clock.advance(200);
    await until('the second has looked', () => clock.pending === 2 && !isFileWorkPending());
  }
  expect(hasCome).toBe(false);
  expect(noticed).toBe(1);
  await end();
  await end();
  await advanceUntil(second, 1_000);
  await (await second)();
  expect(await readdir(folder)).toEqual([]);
  expect(clock.pending).toBe(0);
});

test('of twenty at once one has the turn at any time', async () => {
  let holders = 0;
  let most = 0;
  const all = Array.from({ length: 20 }, async () => {
    const end = await take();
    most = Math.max(most, ++holders);
    await new Promise(setImmediate);
    holders--;
    await end();
  });
  await advanceUntil(Promise.all(all), 60_000);
  expect(most).toBe(1);
});

test('a file that was left behind is cleared, by whatever clock it was written', async () => {
  await writeFile(join(folder, 'x.turn'), '');
  const turn = take();
  expect(await advanceUntil(turn, 2 * LEFT_BEHIND_AFTER_MS)).toBeGreaterThanOrEqual(LEFT_BEHIND_AFTER_MS);
  await (await turn)();
  expect(await readdir(folder)).toEqual([]);
});

test('whoever was cleared by mistake leaves the file of the next alone', async () => {
  const end = await take();
  await rm(join(folder, 'x.turn'));
  const endNext = await take();
  await end();
  expect(await readdir(folder)).toEqual(['x.turn']);
  await endNext();
});

test('where no file can be made, everybody goes on', async () => {
  await writeFile(join(folder, 'file'), '');
  const end = await take(new AbortController().signal, join(folder, 'file'));
  await end();
});

test('whoever gives up waits no longer', async () => {
  const end = await take();
  const giveUp = new AbortController();
  const second = take(giveUp.signal);
  await until('the second waits', () => clock.pending === 2);
  giveUp.abort();
  await (await second)();
  expect(await readdir(folder)).toEqual(['x.turn']);
  await end();
});

test('whoever gives up as the turn is free leaves nothing that others wait for', async () => {
  const giveUp = new AbortController();
  const turn = take(giveUp.signal);
  giveUp.abort();
  await (await turn)();
  expect([await readdir(folder), clock.pending]).toEqual([[], 0]);
});

test('a holder touches its file often enough to be seen', () => {
  expect(TOUCH_EVERY_MS * 3).toBeLessThanOrEqual(LEFT_BEHIND_AFTER_MS);
});
