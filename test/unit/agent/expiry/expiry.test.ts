// The expiry machine: its rules as a table, and its warnings.
import { describe, expect, test } from 'vitest';
import * as expiry from '../../../../services/agent/expiry/expiry.ts';
import {
  activity,
  type ExpiryEvent,
  hold,
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

/** [minutes after start, event] pairs, and how it must have ended (reason and minute) or that it lives. */
const RULES: [string, [number, ExpiryEvent][], { reason: string; minute: number } | { deadline: number }][] =
  [
    ['nobody comes: ends at the deadline', [[10, pass]], { reason: 'nobody_came', minute: 10 }],
    ['one moment before the deadline it lives', [[9.999, pass]], { deadline: 10 }],
    ['a login is activity', [[4, login]], { deadline: 14 }],
    [
      'activity moves the deadline',
      [
        [4, login],
        [9, activity],
      ],
      { deadline: 19 },
    ],
    [
      'the last client leaves: ends at once',
      [
        [1, login],
        [2, leave],
      ],
      { reason: 'client_left', minute: 2 },
    ],
    [
      'one of two clients leaves: lives',
      [
        [1, login],
        [1, login],
        [2, leave],
      ],
      { deadline: 11 },
    ],
    [
      'it leaves while held: lives',
      [
        [1, login],
        [2, touch],
        [3, leave],
      ],
      { deadline: 12 },
    ],
    [
      'held: ends at the deadline',
      [
        [1, login],
        [2, touch],
        [3, leave],
        [12, pass],
      ],
      { reason: 'deadline', minute: 12 },
    ],
    [
      'held, then released: ends at once',
      [
        [1, login],
        [2, touch],
        [3, leave],
        [4, rm],
      ],
      { reason: 'released', minute: 4 },
    ],
    [
      'held, somebody comes back, leaves: lives',
      [
        [1, login],
        [2, touch],
        [3, leave],
        [4, login],
        [5, leave],
      ],
      { deadline: 14 },
    ],
    [
      'released while attended: lives',
      [
        [1, login],
        [2, touch],
        [3, rm],
      ],
      { deadline: 11 },
    ],
    [
      'the deadline ends it with clients logged in',
      [
        [1, login],
        [11, pass],
      ],
      { reason: 'deadline', minute: 11 },
    ],
    ['the hold file extends before anybody came', [[5, touch]], { deadline: 15 }],
    [
      'and counts no more once it is gone',
      [
        [5, touch],
        [6, rm],
      ],
      { deadline: 10 },
    ],
    [
      'gone after its own deadline passed: ends',
      [
        [5, touch],
        [12, rm],
        [12, pass],
      ],
      { reason: 'nobody_came', minute: 12 },
    ],
    ['an old hold file does not shorten', [[1, { kind: 'touch', offsetMs: -90 * MINUTE }]], { deadline: 10 }],
    ['a hold in the future extends', [[1, { kind: 'touch', offsetMs: 20 * MINUTE }]], { deadline: 31 }],
    [
      'but never past the longest lifetime',
      [[1, { kind: 'touch', offsetMs: 900 * MINUTE }]],
      { deadline: 60 },
    ],
    [
      'which then is the reason',
      [
        [1, { kind: 'touch', offsetMs: 900 * MINUTE }],
        [60, pass],
      ],
      { reason: 'max_lifetime', minute: 60 },
    ],
    [
      'a relay leaves less: no hold reaches further',
      [
        [1, { kind: 'relay', leavesMs: 20 * MINUTE }],
        [2, { kind: 'touch', offsetMs: 900 * MINUTE }],
      ],
      { deadline: 21 },
    ],
    [
      'and no activity',
      [
        [1, { kind: 'relay', leavesMs: 20 * MINUTE }],
        [9, login],
        [18, activity],
      ],
      { deadline: 21 },
    ],
    [
      'which then is the reason, with clients',
      [
        [1, login],
        [1, { kind: 'relay', leavesMs: 5 * MINUTE }],
        [6, pass],
      ],
      { reason: 'relay_lifetime', minute: 6 },
    ],
    [
      'a relay leaves more than there is: nothing changes',
      [
        [1, { kind: 'relay', leavesMs: 900 * MINUTE }],
        [2, { kind: 'touch', offsetMs: 900 * MINUTE }],
        [60, pass],
      ],
      { reason: 'max_lifetime', minute: 60 },
    ],
    [
      'the newest word of a relay counts, also that there is no limit',
      [
        [1, { kind: 'relay', leavesMs: 5 * MINUTE }],
        [2, { kind: 'relay', leavesMs: undefined }],
        [7, login],
      ],
      { deadline: 17 },
    ],
    [
      'what a relay leaves is no longer timeout',
      [[1, { kind: 'relay', leavesMs: 30 * MINUTE }]],
      { deadline: 10 },
    ],
    [
      'an unreadable hold file changes nothing',
      [
        [1, login],
        [2, touch],
        [3, { kind: 'unreadable' }],
        [4, leave],
      ],
      { deadline: 12 },
    ],
    ['a stranger cannot extend', [[9, activity]], { deadline: 10 }],
    [
      'nor can what a departed client left behind',
      [
        [1, login],
        [2, touch],
        [3, leave],
        [9, activity],
      ],
      { deadline: 12 },
    ],
    [
      'an end is an end',
      [
        [1, login],
        [2, { kind: 'end' }],
        [3, login],
      ],
      { reason: 'ended_by_user', minute: 2 },
    ],
    ['a leave without a login is nothing', [[1, leave]], { deadline: 10 }],
    [
      'the last client is lost: lives',
      [
        [1, login],
        [2, lose],
      ],
      { deadline: 11 },
    ],
    [
      'lost, and nobody came back: ends at the deadline',
      [
        [1, login],
        [2, lose],
        [11, pass],
      ],
      { reason: 'deadline', minute: 11 },
    ],
    [
      'lost, and another one comes and leaves: ends',
      [
        [1, login],
        [2, lose],
        [3, login],
        [4, leave],
      ],
      { reason: 'client_left', minute: 4 },
    ],
    [
      'of two one leaves and the last is lost: lives',
      [
        [1, login],
        [1, login],
        [2, leave],
        [3, lose],
      ],
      { deadline: 11 },
    ],
    [
      'of two one is lost and the last leaves: ends',
      [
        [1, login],
        [1, login],
        [2, lose],
        [3, leave],
      ],
      { reason: 'client_left', minute: 3 },
    ],
    [
      'lost while held, then released: lives',
      [
        [1, login],
        [2, touch],
        [3, lose],
        [4, rm],
      ],
      { deadline: 11 },
    ],
    [
      'one that came for nothing goes: lives',
      [
        [1, login],
        [2, passBy],
      ],
      { deadline: 11 },
    ],
    [
      'after one that was lost too',
      [
        [1, login],
        [2, lose],
        [3, login],
        [4, passBy],
      ],
      { deadline: 13 },
    ],
    [
      'while it is there, the last of the others leaves: ends when it goes',
      [
        [1, login],
        [1, login],
        [2, leave],
        [3, passBy],
      ],
      { reason: 'client_left', minute: 3 },
    ],
    [
      'it comes to a held agent and goes: what was said before stands',
      [
        [1, login],
        [2, touch],
        [3, leave],
        [4, login],
        [5, passBy],
        [6, rm],
      ],
      { reason: 'released', minute: 6 },
    ],
  ];

const MEMORY_RULES: typeof RULES = [
  [
    'a file that is older than the agent holds nothing',
    [
      [1, login],
      [2, old],
      [3, leave],
    ],
    { reason: 'client_left', minute: 3 },
  ],
  ['nor does it extend', [[5, old]], { deadline: 10 }],
  [
    'a hold in memory holds as the file does',
    [
      [1, login],
      [2, hold],
      [3, leave],
    ],
    { deadline: 12 },
  ],
  [
    'and lets go as the file does',
    [
      [1, login],
      [2, hold],
      [3, leave],
      [4, letGo],
    ],
    { reason: 'released', minute: 4 },
  ],
  [
    'a file that is gone does not let go what is held in memory',
    [
      [1, login],
      [2, hold],
      [2, touch],
      [3, leave],
      [4, rm],
    ],
    { deadline: 12 },
  ],
  [
    'nor is the file let go with it',
    [
      [1, login],
      [2, hold],
      [3, touch],
      [4, leave],
      [5, letGo],
    ],
    { deadline: 13 },
  ],
  [
    'a shorter hold does not shorten a longer one',
    [
      [1, login],
      [2, { kind: 'hold', offsetMs: 20 * MINUTE }],
      [3, hold],
    ],
    { deadline: 32 },
  ],
  [
    'nor does it reach past the longest lifetime',
    [[1, { kind: 'hold', offsetMs: 900 * MINUTE }]],
    { deadline: 60 },
  ],
  [
    'lost while held in memory, then let go: lives',
    [
      [1, login],
      [2, hold],
      [3, lose],
      [4, letGo],
    ],
    { deadline: 11 },
  ],
];

/** What the deadline is said to be counted from. */
const CAUSES: [string, [number, ExpiryEvent][], expiry.DeadlineCause][] = [
  ['the start', [[1, pass]], 'start'],
  ['the last activity', [[1, login]], 'activity'],
  [
    'the hold, if it is later',
    [
      [1, login],
      [2, hold],
    ],
    'hold',
  ],
  [
    'the activity after it',
    [
      [1, login],
      [2, touch],
      [3, activity],
    ],
    'activity',
  ],
  ['what cuts it', [[1, { kind: 'hold', offsetMs: 900 * MINUTE }]], 'max_lifetime'],
  [
    'what the relay gives',
    [
      [1, { kind: 'relay', leavesMs: 5 * MINUTE }],
      [2, login],
    ],
    'relay_lifetime',
  ],
];

test.each(CAUSES)('the deadline comes from %s', (_name, events, cause) => {
  let state: expiry.ExpiryState = expiry.start(LIMITS, START);
  for (const [minute, event] of events) state = step(state, event, START + minute * MINUTE);
  if (state.kind === 'ended') expect.fail(`ended: ${state.reason}`);
  expect(expiry.deadlineCause(state)).toBe(cause);
});

describe('expiry rules', () => {
  test.each([...RULES, ...MEMORY_RULES])('%s', (_name, events, expected) => {
    let state: expiry.ExpiryState = expiry.start(LIMITS, START);
    for (const [minute, event] of events) state = step(state, event, START + minute * MINUTE);
    if ('reason' in expected) {
      expect(state).toEqual({ kind: 'ended', reason: expected.reason, at: START + expected.minute * MINUTE });
    } else {
      if (state.kind === 'ended') expect.fail(`ended: ${state.reason}`);
      expect((expiry.deadline(state) - START) / MINUTE).toBe(expected.deadline);
    }
  });
});

describe('warnings', () => {
  /** The minutes and levels of all warnings when nothing happens. */
  function warnings(timeoutMs: number): [number, number][] {
    let state = expiry.start({ timeoutMs, maxLifetimeMs: 60 * MINUTE }, START);
    const due: [number, number][] = [];
    for (let now = START; now < expiry.deadline(state); now += 1_000) {
      const taken = expiry.takeWarning(state, now);
      state = taken.state;
      if (taken.due !== undefined) due.push([now - START, taken.due]);
    }
    return due;
  }

  test('are due once each at 5 min, 1 min and 10 s before the deadline', () => {
    expect(warnings(10 * MINUTE)).toEqual([
      [5 * MINUTE, 5 * MINUTE],
      [9 * MINUTE, MINUTE],
      [10 * MINUTE - 10_000, 10_000],
    ]);
  });

  test('leave out levels that are not below the timeout', () => {
    expect(warnings(MINUTE)).toEqual([[50_000, 10_000]]);
    expect(warnings(10_000)).toEqual([]);
  });

  test('come again after the deadline moved out and came near once more', () => {
    let state: expiry.ExpiryState = expiry.clientLoggedIn(expiry.start(LIMITS, START), START);
    const take = (now: number): number | undefined => {
      if (state.kind === 'ended') return undefined;
      const taken = expiry.takeWarning(state, now);
      state = taken.state;
      return taken.due;
    };
    expect(take(START + 6 * MINUTE)).toBe(5 * MINUTE);
    expect(take(START + 7 * MINUTE)).toBeUndefined();
    state = expiry.activity(state, START + 8 * MINUTE);
    expect(take(START + 8 * MINUTE)).toBeUndefined();
    expect(take(START + 13 * MINUTE)).toBe(5 * MINUTE);
  });

  test('say only the most urgent when several were passed at once', () => {
    const state = expiry.start(LIMITS, START);
    expect(expiry.takeWarning(state, START + 10 * MINUTE - 5_000).due).toBe(10_000);
  });
});
