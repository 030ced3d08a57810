// Who has a terminal, by what Linux says of a process.
import { expect, test } from 'vitest';
import { foregroundIn } from '../../../../services/agent/pty/foreground.ts';

const statOf = (name: string, group: number, foreground: number, faults = 7) =>
  `4242 (${name}) S 1 ${group} 4242 34816 ${foreground} 4194304 2096 ${faults} 0 12 1 2 3 4 20 0 1 0 9 9 9\n`;

test('the program has its terminal, or something that it runs has', () => {
  expect(foregroundIn(statOf('bash', 4242, 4242))).toEqual({ isTaken: false, ended: 7 });
  expect(foregroundIn(statOf('bash', 4242, 5151, 99))).toEqual({ isTaken: true, ended: 99 });
});

test('a name may look like the rest of the line', () => {
  expect(foregroundIn(statOf(') S 1 2 3 4 5 (', 4242, 4242))).toEqual({ isTaken: false, ended: 7 });
});

test('a process without a terminal has no foreground', () => {
  expect(foregroundIn(statOf('bash', 4242, -1))).toBeUndefined();
  expect(foregroundIn('')).toBeUndefined();
});
