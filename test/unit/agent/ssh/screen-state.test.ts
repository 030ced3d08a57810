// The screen state: what is on is undone, what is off is left alone, wherever the output is split.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ScreenState } from '../../../../services/agent/ssh/program/screen-state.ts';

function resetAfter(...chunks: readonly (string | Buffer)[]): string {
  const screen = new ScreenState();
  for (const chunk of chunks) screen.see(Buffer.from(chunk));
  return screen.reset().toString('latin1');
}

test.each([
  ['plain text', 'make: *** [all] Error 2\r\n', ''],
  ['colours', '\x1b[1;31mred\x1b[0m \x1b]0;title\x07', ''],
  ['the other screen', '\x1b[?1049h', '\x1b[?1049l'],
  ['the other screen and back', '\x1b[?1049h text \x1b[?1049l', ''],
  ['the older ways to the other screen', '\x1b[?47h\x1b[?1047h', '\x1b[?47l\x1b[?1047l'],
  ['a mouse that reports', '\x1b[?1000h\x1b[?1002;1006h', '\x1b[?1000l\x1b[?1002l\x1b[?1006l'],
  ['one of several, switched off', '\x1b[?1000;1006h\x1b[?1000l', '\x1b[?1006l'],
  ['bracketed paste and focus', '\x1b[?2004h\x1b[?1004h', '\x1b[?1004l\x1b[?2004l'],
  ['a hidden cursor', '\x1b[?25l', '\x1b[?25h'],
  ['a cursor that is shown again', '\x1b[?25l\x1b[?12;25h', ''],
  ['cursor keys and keypad', '\x1b[?1h\x1b=', '\x1b>\x1b[?1l'],
  ['keypad and back', '\x1b=\x1b>', ''],
  ['other keys', '\x1b[>4;2m', '\x1b[>4m'],
  ['other keys and back', '\x1b[>4;2m\x1b[>4;m', ''],
  ['two keyboards pushed, one popped', '\x1b[>1u\x1b[>5u\x1b[<u', '\x1b[<1u'],
  ['modes of no concern', '\x1b[?7l\x1b[?12h\x1b[4h\x1b[1000h', ''],
  ['a terminal that is reset', '\x1b[?1049h\x1b[?25l\x1b[?1003h\x1b=\x1b[>4;2m\x1b[>1u\x1bc', ''],
  [
    'a soft reset, which leaves screen and mouse',
    '\x1b[?1049;1003;1h\x1b[?25l\x1b=\x1b[!p',
    '\x1b[?1003l\x1b[?1049l',
  ],
  ['a sequence that is broken off', '\x1b[?1049\x1b[?25l', '\x1b[?25h'],
  ['a sequence without an end', `\x1b[?${'1;'.repeat(40)}1049h`, ''],
])('%s', (_what, output, reset) => {
  expect(resetAfter(output)).toBe(reset);
});

test('it is undone once', () => {
  const screen = new ScreenState();
  screen.see(Buffer.from('\x1b[?1049h\x1b[?25l'));
  expect(screen.reset().length).toBeGreaterThan(0);
  expect(screen.reset()).toHaveLength(0);
});

test('however the output is split, the same is undone', () => {
  const sequence = fc.oneof(
    fc.constantFrom(
      '\x1bc',
      '\x1b=',
      '\x1b>',
      '\x1b[!p',
      '\x1b[>4;2m',
      '\x1b[>4;0m',
      '\x1b[>1u',
      '\x1b[<u',
      '\x1b',
    ),
    fc
      .tuple(
        fc.array(fc.constantFrom(1, 25, 47, 1000, 1006, 1049, 2004, 7), { minLength: 1 }),
        fc.constantFrom('h', 'l'),
      )
      .map(([modes, final]) => `\x1b[?${modes.join(';')}${final}`),
    fc.string({ maxLength: 8 }),
    fc.constantFrom('\x1b[', '\x1b[?10', '49h', '\x1b[31m', '\x1b]0;'),
  );
  fc.assert(
    fc.property(fc.array(sequence), fc.array(fc.nat()), (parts, cuts) => {
      const output = Buffer.from(parts.join(''));
      const places = [...new Set(cuts.map((cut) => cut % (output.length + 1)))].sort((a, b) => a - b);
      const ends = [...places, output.length];
      const chunks = ends.map((end, index) => output.subarray(ends[index - 1] ?? 0, end));
      expect(resetAfter(...chunks)).toBe(resetAfter(output));
    }),
    { numRuns: 2_000 },
  );
});
