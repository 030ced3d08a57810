// Splitting a command line: what stands there comes out in order, whether or not it makes sense.
import { expect, test } from 'vitest';
import { splitArguments } from '#shared/command-line/split-arguments.ts';

const FORMS = { wait: { takesValue: true }, help: { takesValue: false, short: 'h' } };

test('a value is what follows the option, or what stands after its equals sign', () => {
  expect(splitArguments(['a', '--wait', '5m', '--wait=1h', 'b'], FORMS)).toEqual({
    options: [
      { name: 'wait', rawName: '--wait', value: '5m', isInline: false },
      { name: 'wait', rawName: '--wait', value: '1h', isInline: true },
    ],
    positionals: ['a', 'b'],
  });
});

test('a missing value is left to the caller, and so is an option in its place', () => {
  expect(splitArguments(['--wait', '--help'], FORMS).options).toMatchObject([{ value: '--help' }]);
  expect(splitArguments(['--wait'], FORMS).options).toMatchObject([{ name: 'wait', value: undefined }]);
});

test('an option that is in no list is a switch', () => {
  expect(splitArguments(['--wiat', '5m'], FORMS)).toEqual({
    options: [{ name: 'wiat', rawName: '--wiat', value: undefined, isInline: false }],
    positionals: ['5m'],
  });
});

test('a letter stands for its option, and keeps the form in which it was typed', () => {
  expect(splitArguments(['-h'], FORMS).options).toMatchObject([{ name: 'help', rawName: '-h' }]);
});

test('after -- nothing is an option', () => {
  expect(splitArguments(['--', '--help'], FORMS)).toEqual({ options: [], positionals: ['--help'] });
});
