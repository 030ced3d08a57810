// The modes of a client as words of stty, which knows all of them or takes none.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { sttyWords } from '../../../../services/agent/platform/macos/stty-words.ts';
import type { TerminalMode } from '../../../../services/agent/platform/terminal-mode.ts';

const mode = (opcode: number, value: number): TerminalMode => ({ opcode, value });

test('a line of UTF-8 comes first, and the client can take it back', () => {
  expect(sttyWords([])).toEqual(['iutf8']);
  expect(sttyWords([mode(42, 0)])).toEqual(['iutf8', '-iutf8']);
});

test.each([
  [0, '^@'],
  [3, '^C'],
  [28, '^\\'],
  [31, '^_'],
  [32, ' '],
  [65, 'A'],
  [126, '~'],
  [127, '^?'],
  [255, 'undef'],
])('the character %i is %j', (value, word) => {
  expect(sttyWords([mode(1, value)])).toEqual(['iutf8', 'intr', word]);
});

test('what cannot be said is left out: characters above ASCII, a speed of nought, opcodes of nobody', () => {
  expect(
    sttyWords([mode(1, 128), mode(3, 254), mode(128, 0), mode(11, 25), mode(37, 1), mode(0, 1)]),
  ).toEqual(['iutf8']);
});

test('a flag is set and taken away; what a new terminal has not is named only where it is set', () => {
  expect(sttyWords([mode(53, 0), mode(51, 1), mode(91, 1), mode(90, 0), mode(74, 0), mode(40, 7)])).toEqual([
    'iutf8',
    '-echo',
    'icanon',
    'cs8',
    'ixoff',
  ]);
});

test('speeds are those that have a name, or 9600', () => {
  expect(sttyWords([mode(128, 115_200), mode(129, 12_345)])).toEqual([
    'iutf8',
    'ispeed',
    '115200',
    'ospeed',
    '9600',
  ]);
});

test('of two values of one mode the last one holds', () => {
  expect(sttyWords([mode(3, 8), mode(53, 1), mode(3, 127)])).toEqual(['iutf8', 'erase', '^?', 'echo']);
});

/** What GNU's stty says to these, on a terminal. */
async function complaintsOf(words: readonly string[]): Promise<string> {
  const quoted = ['stty', ...words].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const { stdout } = await promisify(execFile)('script', ['-qc', quoted, '/dev/null']);
  return stdout;
}

test('GNU’s stty knows every word that there can be', async () => {
  const opcodes = Array.from({ length: 160 }, (_, opcode) => opcode);
  const words = [0, 1, 65, 255].flatMap((value) => sttyWords(opcodes.map((opcode) => mode(opcode, value))));
  expect(words.length).toBeGreaterThan(150);
  expect(await complaintsOf(words)).not.toContain('invalid argument');
  expect(await complaintsOf([...words, 'dsusp', '^Y'])).toContain('invalid argument');
});
