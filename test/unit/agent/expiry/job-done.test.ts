// The expiry of an agent in the background: nobody's leaving ends it while the job runs, and what becomes of it when the job is done.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as expiry from '../../../../services/agent/expiry/expiry.ts';
import { createExpiryWatch } from '../../../../services/agent/expiry/expiry-watch.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const MINUTE = 60_000;
const LIMITS = { timeoutMs: 10 * MINUTE, maxLifetimeMs: 600 * MINUTE };

type Step = (state: expiry.ExpiryState, now: number) => expiry.ExpiryState;

const login: Step = expiry.clientLoggedIn;
const leave: Step = expiry.clientLeft;
const lose: Step = expiry.clientLost;
const passBy: Step = expiry.clientPassedBy;
const pass: Step = (state) => state;
const hold: Step = (state, now) => expiry.holdSeen(state, { kind: 'present', heldAt: now }, now);
const letGo: Step = (state, now) => expiry.holdSeen(state, { kind: 'gone' }, now);
const done =
  (lingerMinutes = 0): Step =>
  (state, now) =>
    expiry.jobDone(state, lingerMinutes * MINUTE, now);

/** What is left of it after these steps at these minutes. */
function after(...steps: readonly (readonly [number, Step])[]): unknown {
  let state: expiry.ExpiryState = expiry.start(LIMITS, 0, true);
  for (const [minute, step] of steps) {
    const now = minute * MINUTE;
    state = expiry.tick(step(expiry.tick(state, now), now), now);
  }
  if (state.kind === 'ended') return { reason: state.reason, minute: state.at / MINUTE };
  return { deadline: expiry.deadline(state) / MINUTE };
}

const OPEN = { deadline: 600 };

describe('while the job runs, only the longest lifetime ends it', () => {
  test.each<[string, readonly (readonly [number, Step])[]]>([
    ['nobody comes for long', [[500, pass]]],
    [
      'the last client leaves',
      [
        [5, login],
        [6, leave],
        [500, pass],
      ],
    ],
    [
      'the last client is lost',
      [
        [5, login],
        [6, lose],
        [500, pass],
      ],
    ],
    [
      'a client passes by',
      [
        [5, login],
        [6, passBy],
        [500, pass],
      ],
    ],
    [
      'a hold is let go when nobody is in',
      [
        [1, hold],
        [5, login],
        [6, leave],
        [7, letGo],
        [500, pass],
      ],
    ],
    [
      'somebody sits there and does nothing',
      [
        [5, login],
        [500, pass],
      ],
    ],
  ])('%s', (_what, steps) => {
    expect(after(...steps)).toEqual(OPEN);
  });

  test('which it does', () => {
    expect(after([600, pass])).toEqual({ reason: 'max_lifetime', minute: 600 });
  });
});

describe('when the job is done', () => {
  test.each<[string, readonly (readonly [number, Step])[], unknown]>([
    ['it ends at once where nobody came', [[90, done()]], { reason: 'job_done', minute: 90 }],
    [
      'or all have left',
      [
        [5, login],
        [6, leave],
        [90, done()],
      ],
      { reason: 'job_done', minute: 90 },
    ],
    [
      'or have only passed by',
      [
        [5, login],
        [6, passBy],
        [90, done()],
      ],
      { reason: 'job_done', minute: 90 },
    ],
    ['it lingers for somebody to come', [[90, done(3)]], { deadline: 93 }],
    [
      'and no longer',
      [
        [90, done(3)],
        [93, pass],
      ],
      { reason: 'job_done', minute: 93 },
    ],
    [
      'whoever comes then has the timeout',
      [
        [90, done(3)],
        [92, login],
      ],
      { deadline: 102 },
    ],
    [
      'whoever passes by then changes nothing',
      [
        [90, done(3)],
        [91, login],
        [92, passBy],
      ],
      { deadline: 93 },
    ],
    [
      'whoever comes then and leaves ends it',
      [
        [90, done(3)],
        [91, login],
        [92, leave],
      ],
      { reason: 'client_left', minute: 92 },
    ],
    [
      'whoever is in has the timeout from then on',
      [
        [5, login],
        [90, done()],
      ],
      { deadline: 100 },
    ],
    [
      'and ends it by leaving',
      [
        [5, login],
        [90, done()],
        [95, leave],
      ],
      { reason: 'client_left', minute: 95 },
    ],
    [
      'whoever was lost is waited for as long',
      [
        [5, login],
        [6, lose],
        [90, done()],
      ],
      { deadline: 100 },
    ],
    [
      'also where somebody else passes by',
      [
        [5, login],
        [6, lose],
        [7, login],
        [8, passBy],
        [90, done()],
      ],
      { deadline: 100 },
    ],
    [
      'and no longer',
      [
        [5, login],
        [6, lose],
        [90, done()],
        [100, pass],
      ],
      { reason: 'deadline', minute: 100 },
    ],
    [
      'a hold stands for the timeout',
      [
        [5, hold],
        [90, done()],
      ],
      { deadline: 100 },
    ],
    [
      'also of those who have left',
      [
        [5, login],
        [6, hold],
        [7, leave],
        [90, done()],
      ],
      { deadline: 100 },
    ],
    [
      'until it is let go',
      [
        [5, hold],
        [90, done()],
        [92, letGo],
      ],
      { reason: 'released', minute: 92 },
    ],
    [
      'a hold that comes while it lingers counts',
      [
        [90, done(3)],
        [91, hold],
        [95, pass],
      ],
      { deadline: 101 },
    ],
    [
      'a second word changes nothing',
      [
        [5, login],
        [90, done()],
        [95, done()],
      ],
      { deadline: 100 },
    ],
  ])('%s', (_what, steps, outcome) => {
    expect(after(...steps)).toEqual(outcome);
  });

  test('an agent that the job waits for anyway does not hear of it', () => {
    const state = expiry.start(LIMITS, 0);
    expect(expiry.jobDone(state, 0, MINUTE)).toBe(state);
  });
});

test('a hold file that was made a moment ago holds: it is looked at first', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'job-done-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const clock = new ManualClock();
  const holdFile = join(directory, '.hold');
  const watch = createExpiryWatch({ clock, holdFile, ...LIMITS, isJobRunning: true });
  const ends: string[] = [];
  watch.start({
    onWarning: () => undefined,
    onEnd: (reason) => ends.push(reason),
    onHoldChanged: () => undefined,
    onDeadlineMoved: () => undefined,
  });
  expect(watch.snapshot()?.isJobRunning).toBe(true);
  // The look of its start is over, and the next one is a second away.
  expect(await watch.release()).toEqual({ kind: 'not_held' });
  await writeFile(holdFile, '');
  await watch.jobDone(0);
  expect(ends).toEqual([]);
  expect(watch.snapshot()).toMatchObject({ isHeld: true, isJobRunning: false });
  await rm(holdFile);
  await watch.release();
  expect(ends).toEqual(['released']);
});
