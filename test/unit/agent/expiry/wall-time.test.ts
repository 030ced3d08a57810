// The expiry watch on a machine whose clock is set: deadlines are durations.
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ExpirySnapshot } from '../../../../services/agent/expiry/expiry-snapshot.ts';
import {
  createExpiryWatch,
  type ExpiryWatch,
  HOLD_POLL_INTERVAL_MS,
} from '../../../../services/agent/expiry/expiry-watch.ts';
import { FILE_TIME_TOLERANCE_MS, HoldSight } from '../../../../services/agent/expiry/hold-file.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = 1_700_000_000_000;
const LIMITS = { timeoutMs: 10 * MINUTE, maxLifetimeMs: HOUR };

let directory: string;
let holdFile: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wall-'));
  holdFile = join(directory, '.hold');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

interface Run {
  readonly clock: ManualClock;
  readonly watch: ExpiryWatch;
  /** Reasons, each with the time since the start. */
  readonly ends: [string, number][];
  readonly moves: ExpirySnapshot[];
}

function start(): Run {
  const clock = new ManualClock(START);
  const ends: Run['ends'] = [];
  const moves: ExpirySnapshot[] = [];
  const watch = createExpiryWatch({
    clock,
    holdFile,
    ...LIMITS,
  });
  watch.start({
    onWarning: () => undefined,
    onEnd: (reason) => ends.push([reason, clock.now() - START]),
    onHoldChanged: () => undefined,
    onDeadlineMoved: (snapshot) => moves.push(snapshot),
  });
  return { clock, watch, ends, moves };
}

/** A step of the machine's clock: a time server's, a summer time's, an administrator's. */
const aStep = fc.oneof(
  fc.integer({ min: -5_000, max: 5_000 }),
  fc.constantFrom(-HOUR, HOUR, -DAY, DAY),
  fc.integer({ min: -30 * DAY, max: 30 * DAY }),
);
const aMoment = fc.tuple(
  fc.constantFrom('login', 'lose', 'activity', 'nothing'),
  fc.integer({ min: 0, max: 4 * MINUTE }),
  aStep,
);

describe("steps of the machine's clock", () => {
  test('never change when, and why, the agent ends', () => {
    fc.assert(
      fc.property(fc.array(aMoment, { maxLength: 30 }), (moments) => {
        const [steady, stepped] = [start(), start()];
        for (const [event, ms, step] of moments) {
          for (const { clock, watch } of [steady, stepped]) {
            if (event === 'login') watch.clientLoggedIn();
            if (event === 'lose') watch.clientLost();
            if (event === 'activity') watch.activity();
            if (watch === stepped.watch) clock.stepWall(step);
            clock.advance(ms);
          }
          expect(stepped.watch.snapshot()?.remainingMs).toBe(steady.watch.snapshot()?.remainingMs);
        }
        for (const { clock } of [steady, stepped]) clock.advance(2 * HOUR);
        expect(stepped.ends).toEqual(steady.ends);
        expect(stepped.ends).toHaveLength(1);
      }),
    );
  });

  test('are seen in the times that people read, and are no move of the deadline', () => {
    const { clock, watch, moves } = start();
    clock.stepWall(HOUR);
    clock.advance(MINUTE);
    expect(watch.snapshot()).toMatchObject({
      remainingMs: 9 * MINUTE,
      deadline: START + HOUR + 10 * MINUTE,
      lastDeadline: START + 2 * HOUR,
    });
    expect(moves).toEqual([]);
    watch.stop();
  });

  test('move nothing that a hold file has reached, before its mtime changes', async () => {
    await writeFile(holdFile, '');
    await utimes(holdFile, (START + 20 * MINUTE) / 1_000, (START + 20 * MINUTE) / 1_000);
    const { clock, watch } = start();
    await pollUntil(clock, () => watch.snapshot()?.isHeld === true);
    clock.stepWall(-DAY);
    // A departure looks at the file.
    watch.clientLoggedIn();
    void watch.clientLeft();
    await expect.poll(() => watch.snapshot()?.clients).toBe(0);
    expect(leftOn(clock, watch)).toBe(30 * MINUTE);
    // Anew, by the time that the machine has now.
    await watch.hold(35 * MINUTE);
    expect(leftOn(clock, watch)).toBe(35 * MINUTE + (clock.now() - START));
    watch.stop();
  });
});

describe('the time of a hold file', () => {
  const at = (mtimeMs: number, changedMs = mtimeMs) => ({ kind: 'present', mtimeMs, changedMs }) as const;

  test("is compared with the machine's clock when it changes, and then not again", () => {
    const clock = new ManualClock(START);
    const sight = new HoldSight({ clock, startedAt: START - MINUTE, latest: START + HOUR });
    expect(sight.readingOf(at(START - MINUTE))).toEqual({ kind: 'present', heldAt: START - MINUTE });
    clock.stepWall(DAY);
    expect(sight.readingOf(at(START - MINUTE))).toEqual({ kind: 'present', heldAt: START - MINUTE });
    expect(sight.readingOf(at(START + DAY))).toEqual({ kind: 'present', heldAt: START });
  });

  test('is compared anew when the file was gone in between', () => {
    const clock = new ManualClock(START);
    const sight = new HoldSight({ clock, startedAt: START - MINUTE, latest: START + HOUR });
    sight.readingOf(at(START));
    clock.stepWall(-MINUTE);
    expect(sight.readingOf({ kind: 'gone' })).toEqual({ kind: 'gone' });
    expect(sight.readingOf(at(START))).toEqual({ kind: 'present', heldAt: START + MINUTE });
  });

  const OLD = { kind: 'ignored', why: 'old' } as const;
  const sightFrom = (startedAt: number) =>
    new HoldSight({ clock: new ManualClock(START), startedAt, latest: START + HOUR });

  test.each([
    ['as the program was started', START - FILE_TIME_TOLERANCE_MS, undefined],
    ['before that', START - FILE_TIME_TOLERANCE_MS - 1, OLD],
    ['in the future, so that somebody means it', START + MINUTE, undefined],
  ])('that was there at the first look, is judged by it alone: %s', (_when, mtimeMs, ignored) => {
    const expected = ignored ?? { kind: 'present', heldAt: mtimeMs };
    expect(sightFrom(START).readingOf(at(mtimeMs))).toEqual(expected);
  });

  test('that came later, counts by whatever clock: a file server may be hours behind', () => {
    const sight = sightFrom(START);
    sight.readingOf({ kind: 'gone' });
    expect(sight.readingOf(at(START - 3 * HOUR))).toEqual({ kind: 'present', heldAt: START });
  });

  test('that came later with the time of long ago, as it is unpacked, does not count', () => {
    const sight = sightFrom(START);
    sight.readingOf({ kind: 'gone' });
    expect(sight.readingOf(at(START - DAY, START))).toEqual(OLD);
    expect(sight.readingOf(at(START - DAY, START - DAY + 2_000))).toEqual(OLD);
    expect(sight.readingOf(at(START - HOUR, START - HOUR + 2_000))).toEqual({
      kind: 'present',
      heldAt: START,
    });
  });

  test('that was old, counts when it is touched, by a clock that is behind as well', () => {
    const sight = sightFrom(START);
    expect(sight.readingOf(at(START - DAY))).toEqual(OLD);
    expect(sight.readingOf(at(START - HOUR))).toEqual({ kind: 'present', heldAt: START });
  });

  test('reaches no further than the longest lifetime', () => {
    const sight = new HoldSight({ clock: new ManualClock(START), startedAt: START, latest: START + HOUR });
    expect(sight.readingOf(at(START + 1_000 * DAY))).toEqual({ kind: 'present', heldAt: START + HOUR });
  });
});

/** How long after the start it ends. */
function leftOn(clock: ManualClock, watch: ExpiryWatch): number {
  return clock.now() - START + watch.snapshotOrEnd().remainingMs;
}

/** Lets the looks at the hold file happen. */
async function pollUntil(clock: ManualClock, condition: () => boolean): Promise<void> {
  await expect
    .poll(() => {
      clock.advance(HOLD_POLL_INTERVAL_MS);
      return condition();
    })
    .toBe(true);
}
