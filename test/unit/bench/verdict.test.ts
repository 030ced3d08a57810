// The bench's verdicts: the median decides, the spread is told, and what was taken on a busy machine is marked.
import { expect, test } from 'vitest';
import { Figures } from '../../bench/figures.ts';
import { type Goal, verdictOn } from '../../bench/goals.ts';
import { isBusy, lineFrom } from '../../bench/machine-state.ts';
import { type Course, tableFrom } from '../../bench/report.ts';

const AT_MOST: Goal = { figure: 'some.ratio', what: 'something', bound: 'at most', value: 1 };
const AT_LEAST: Goal = { ...AT_MOST, bound: 'at least' };

const QUIET: Course = {
  before: { load: [0.1, 0.1, 0.1], busyShare: 0.01 },
  after: { load: [1.9, 0.8, 0.3], busyShare: 0.02 },
  stolenShare: 0,
  hasFailed: false,
};

function figuresOf(...samples: number[]): Figures {
  const figures = new Figures();
  figures.part = 'hop';
  for (const sample of samples) figures.add('some.ratio', 'ratio', sample);
  return figures;
}

test.each([
  [AT_MOST, [0.8, 0.9, 1], 'met'],
  [AT_MOST, [0.8, 0.9, 1.1], 'met, not in every round'],
  [AT_MOST, [0.8, 1.1, 1.2], 'missed, not in every round'],
  [AT_MOST, [1.1, 1.2, 1.3], 'missed'],
  [AT_LEAST, [1, 1.1, 1.2], 'met'],
  [AT_LEAST, [0.9, 1.1, 1.2], 'met, not in every round'],
  [AT_LEAST, [0.8, 0.9, 1.2], 'missed, not in every round'],
  [AT_LEAST, [0.7, 0.8, 0.9], 'missed'],
] as const)('%o with %j is %s', (goal, samples, verdict) => {
  expect(verdictOn(goal, figuresOf(...samples))).toBe(verdict);
});

test('gives no verdict on a part that did not run', () => {
  expect(verdictOn(AT_MOST, new Figures())).toBeUndefined();
});

test.each([
  ['others work before it', { before: { ...QUIET.before, busyShare: 0.2 } }],
  ['others work after it', { after: { ...QUIET.after, busyShare: 0.2 } }],
  ['the host takes time', { stolenShare: 0.05 }],
])('calls the machine busy if %s', (_, change) => {
  expect(isBusy({ ...QUIET, ...change })).toBe(true);
});

test('calls it quiet if the load is its own', () => {
  expect(isBusy(QUIET)).toBe(false);
  expect(lineFrom(QUIET)).toBe(
    'before: load 0.10 0.10 0.10, 1.0 % used by others; after: load 1.90 0.80 0.30, 2.0 % used by others; stolen meanwhile: 0.0 %',
  );
});

test('marks every figure and every goal of a part that ran on a busy machine, and no other', () => {
  const figures = new Figures();
  figures.part = 'hop';
  figures.add('hop.ratio', 'ratio', 1.5);
  figures.part = 'keys';
  figures.add('keys.added.p50', 'ms', 0.1);
  const busy = { ...QUIET, stolenShare: 0.5 };
  const lines = tableFrom(
    figures,
    new Map([
      ['hop', busy],
      ['keys', QUIET],
    ]),
  ).split('\n');
  const marked = lines.filter((line) => line.includes('BUSY MACHINE'));
  expect(marked.map((line) => line.split(/ {2,}/)[0])).toEqual([
    'hop.ratio',
    expect.stringMatching(/^hop: /),
    'CPU of both pods over one pod',
  ]);
  expect(lines.filter((line) => line.endsWith('not run')).length).toBeGreaterThan(30);
});

test('gives no verdict on a part that failed after some rounds, and says of each of its figures that it did', () => {
  const figures = new Figures();
  figures.part = 'hop';
  figures.add('hop.ratio', 'ratio', 1.5);
  const lines = tableFrom(figures, new Map([['hop', { ...QUIET, hasFailed: true }]])).split('\n');
  const marked = lines.filter((line) => line.endsWith('FAILED'));
  expect(marked.map((line) => line.split(/ {2,}/)[0])).toEqual([
    'hop.ratio',
    expect.stringMatching(/^hop: /),
    'CPU of both pods over one pod',
  ]);
  expect(lines.filter((line) => / met| missed/.test(line))).toEqual([]);
});
