// What repeats is told a few times, then counted, and nothing is kept of it afterwards.
import { expect, test } from 'vitest';
import {
  MAX_NAMED_SOURCES,
  MAX_SUMMARY_KINDS,
  MAX_SUMMARY_SOURCES,
  type Rest,
  SUMMARY_EVERY_MS,
  Summary,
} from '#shared/time/summary.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

function start(firstOfKind: number, firstOfSource: number) {
  const clock = new ManualClock();
  const rests: Rest[] = [];
  const summary = new Summary({ clock, firstOfKind, firstOfSource, onRests: (all) => rests.push(...all) });
  const admitted = (times: number, kind: string, source: string) => {
    let count = 0;
    for (let index = 0; index < times; index += 1) if (summary.admit(kind, source)) count += 1;
    return count;
  };
  return { clock, rests, summary, admitted };
}

test('the first of a kind are told one by one, the rest as a number when the interval ends', () => {
  const { clock, rests, admitted } = start(3, 3);
  expect(admitted(10, 'bad', 'a')).toBe(3);
  expect(admitted(1, 'worse', 'a')).toBe(1);
  clock.advance(SUMMARY_EVERY_MS - 1);
  expect(rests).toEqual([]);
  clock.advance(1);
  expect(rests).toEqual([{ kind: 'bad', count: 7, sources: [['a', 7]] }]);
  expect(clock.pending).toBe(0);
  expect(admitted(10, 'bad', 'a')).toBe(3);
});

test('one source does not hide the others, and the busiest are named', () => {
  const { rests, summary, admitted } = start(4, 2);
  expect(admitted(100, 'bad', 'loud')).toBe(2);
  expect(admitted(3, 'bad', 'quiet')).toBe(2);
  for (let index = 0; index < 10; index += 1) expect(admitted(index, 'bad', `s${index}`)).toBe(0);
  summary.flush();
  expect(rests).toHaveLength(1);
  expect(rests[0]).toMatchObject({ kind: 'bad', count: 98 + 1 + 45 });
  expect(rests[0]?.sources).toHaveLength(MAX_NAMED_SOURCES);
  expect(rests[0]?.sources.slice(0, 2)).toEqual([
    ['loud', 98],
    ['s9', 9],
  ]);
});

test('what is kept is bounded, and what is beyond is counted all the same', () => {
  const { rests, summary, admitted } = start(1, 1);
  for (let index = 0; index < 10 * MAX_SUMMARY_SOURCES; index += 1) admitted(1, 'bad', `source ${index}`);
  for (let index = 0; index < 10 * MAX_SUMMARY_KINDS; index += 1) admitted(2, `kind ${index}`, 'a');
  summary.flush();
  expect(rests.length).toBeLessThanOrEqual(MAX_SUMMARY_KINDS + 1);
  expect(rests.find(({ kind }) => kind === 'bad')).toMatchObject({
    count: 10 * MAX_SUMMARY_SOURCES - 1,
    sources: expect.arrayContaining([['others', 9 * MAX_SUMMARY_SOURCES]]) as unknown,
  });
  // Those that have no entry of their own share one, of which the first is told.
  const told = MAX_SUMMARY_KINDS - 1 + 1;
  const counted = rests.reduce((sum, { kind, count }) => (kind === 'bad' ? sum : sum + count), 0);
  expect(counted).toBe(20 * MAX_SUMMARY_KINDS - told);
});

test('a summary in which nothing came has no timer, and ends when told to', () => {
  const { clock, rests, summary } = start(1, 1);
  expect(clock.pending).toBe(0);
  summary.admit('bad', 'a');
  expect(clock.pending).toBe(1);
  summary.flush();
  summary.flush();
  expect(clock.pending).toBe(0);
  expect(rests).toEqual([]);
});
