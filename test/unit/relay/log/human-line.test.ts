// The log for a person: what a line of JSON becomes on a terminal.
import { expect, test } from 'vitest';
import { humanLine } from '../../../../services/relay/log/human-line.ts';

const START = { level: 30, time: Date.UTC(2026, 10, 29, 16, 27, 2), pod: 'vm' };

test.each([
  [{ ...START, id: 'job-1', epoch: 1, msg: 'agent linked' }, '16:27:02 UTC agent linked  id=job-1 epoch=1'],
  [{ ...START, msg: 'drain ended' }, '16:27:02 UTC drain ended'],
  [
    { ...START, level: 40, msg: 'odd', detail: 'a b', list: [1] },
    '16:27:02 UTC warning: odd  detail="a b" list=[1]',
  ],
  [
    { ...START, level: 50, msg: 'bad', err: { type: 'Error', message: 'no "file"', stack: '…' } },
    '16:27:02 UTC error: bad  err="no \\"file\\""',
  ],
])('%j', (record, line) => {
  expect(humanLine(JSON.stringify(record))).toBe(`${line}\n`);
});

test('nothing of it moves the cursor of a terminal', () => {
  const line = humanLine(JSON.stringify({ ...START, msg: 'refused', path: '/\u001b[2J\n', '\u001b': 1 }));
  expect(line).toMatch(/^16:27:02 UTC refused {2}[ -~]*\n$/);
});

test('what is no JSON stays as it is', () => {
  expect(humanLine('plain\n')).toBe('plain\n');
});
