// The backlog: bounded in bytes, in order, and it says once when there is room again.
import { expect, test } from 'vitest';
import { Backlog } from '../../../../services/relay/audit/backlog.ts';

const LIMITS = { lines: 2, bytes: 10 };

test('lines leave in their order, as many as a batch takes, and stay until they are dropped', () => {
  const backlog = new Backlog(100);
  for (const line of ['a\n', 'b\n', 'c\n']) backlog.push(line);
  expect(String(backlog.first(LIMITS).bytes)).toBe('a\nb\n');
  expect(String(backlog.first(LIMITS).bytes)).toBe('a\nb\n');
  backlog.drop(backlog.first(LIMITS));
  expect(String(backlog.first(LIMITS).bytes)).toBe('c\n');
});

test('a line that is longer than a batch goes alone', () => {
  const backlog = new Backlog(100);
  backlog.push('x'.repeat(50));
  backlog.push('y');
  expect(backlog.first(LIMITS)).toMatchObject({ lines: 1, bytes: Buffer.from('x'.repeat(50)) });
});

test('past its bound, in bytes and not in characters, it takes nothing', () => {
  const backlog = new Backlog(10);
  expect(backlog.push('äöü')).toBe(true);
  expect(backlog.push('äöü')).toBe(false);
  expect(backlog.push('äö')).toBe(true);
  expect(backlog.bytes).toBe(10);
});

test('that there is room again is said once, when half of it is free', () => {
  const backlog = new Backlog(4);
  for (const line of ['a', 'b', 'c', 'd']) expect(backlog.push(line)).toBe(true);
  const one = { lines: 1, bytes: 1 };
  expect(backlog.drop(backlog.first(one))).toBe(false);
  backlog.push('e');
  expect(backlog.push('f')).toBe(false);
  expect(backlog.drop(backlog.first(one))).toBe(false);
  expect(backlog.drop(backlog.first(one))).toBe(true);
  expect(backlog.drop(backlog.first(one))).toBe(false);
});
