// What strangers do in the job log: a line each while it is little, one line in ten seconds when it is much.
import { beforeEach, expect, test } from 'vitest';
import { SUMMARY_EVERY_MS } from '#shared/time/summary.ts';
import { createJobLog } from '../../../../services/agent/notices/job-log.ts';
import {
  createStrangerLog,
  MAX_NEIGHBOUR_LINES,
  MAX_STRANGER_LINES,
  type StrangerLog,
} from '../../../../services/agent/notices/stranger-log.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const NEIGHBOUR = '192.0.2.1';

let clock: ManualClock;
let lines: string[];
let strangers: StrangerLog;

beforeEach(() => {
  clock = new ManualClock(Date.UTC(2026, 10, 28, 14, 0, 0));
  lines = [];
  const log = createJobLog({ clock, isQuiet: false, print: (line) => lines.push(line) });
  strangers = createStrangerLog({ clock, log, loggedInFrom: (address) => (address === NEIGHBOUR ? 1 : 0) });
});

function connect(address: string, times: number): void {
  for (let time = 0; time < times; time += 1) strangers.tell({ kind: 'connected', address }, address);
}

test('twenty lines are told as they come, and of further ones their number', () => {
  connect('198.51.100.1', MAX_STRANGER_LINES);
  expect(lines).toHaveLength(MAX_STRANGER_LINES);
  connect('198.51.100.1', 3);
  expect(lines).toHaveLength(MAX_STRANGER_LINES);
  clock.advance(SUMMARY_EVERY_MS - 1);
  expect(lines).toHaveLength(MAX_STRANGER_LINES);
  clock.advance(1);
  expect(lines.slice(MAX_STRANGER_LINES)).toEqual([
    'converge 14:00:10 UTC: too many at once, in 10 seconds: 3 more lines about connections are left out',
  ]);
  connect('198.51.100.1', 1);
  expect(lines.at(-1)).toContain('connection from 198.51.100.1');
});

test('little is told without a summary', () => {
  connect('198.51.100.1', MAX_STRANGER_LINES);
  clock.advance(10 * SUMMARY_EVERY_MS);
  expect(lines).toHaveLength(MAX_STRANGER_LINES);
  expect(clock.pending).toBe(0);
});

test('strangers do not use up the lines of those from where somebody is logged in', () => {
  connect('198.51.100.1', 1_000);
  connect(NEIGHBOUR, MAX_NEIGHBOUR_LINES + 1);
  expect(lines).toHaveLength(MAX_STRANGER_LINES + MAX_NEIGHBOUR_LINES);
});

test('all who are turned away are one line, with the source that most are of', () => {
  for (let n = 0; n < 2_000; n += 1) strangers.turnedAway(`198.51.${n >> 8}.${n & 255}`);
  for (let n = 0; n < 900; n += 1) strangers.turnedAway(`2001:db8::${n.toString(16)}`);
  strangers.turnedAway('198.51.0.1');
  clock.advance(SUMMARY_EVERY_MS);
  // The network came after a thousand sources were counted, so that nothing is remembered of it.
  expect(lines).toEqual([
    'converge 14:00:10 UTC: too many at once, in 10 seconds: 2901 connections without a login were turned away (2 of 198.51.0.1)',
  ]);
});

test('the end tells what was counted so far', () => {
  strangers.turnedAway('2001:db8::1');
  strangers.stop();
  strangers.stop();
  expect(lines).toEqual([
    'converge 14:00:00 UTC: too many at once, in 10 seconds: 1 connection without a login was turned away (1 of 2001:db8:0:0::/64)',
  ]);
  expect(clock.pending).toBe(0);
});
