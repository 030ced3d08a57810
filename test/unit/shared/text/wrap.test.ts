// Word wrap: no line is longer than the width, and no word is lost or cut.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { wrapWords } from '#shared/text/wrap.ts';

test('a line takes as many words as fit, to the last character', () => {
  expect(wrapWords('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrapWords('one two three', 6)).toEqual(['one', 'two', 'three']);
  expect(wrapWords('', 6)).toEqual(['']);
});

test('a word that is longer than the width has a line of its own', () => {
  expect(wrapWords('a https://relay.example b', 5)).toEqual(['a', 'https://relay.example', 'b']);
});

test('every text comes back whole, and a line beyond the width is one word', () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 });
  fc.assert(
    fc.property(words, fc.integer({ min: 1, max: 30 }), (given, width) => {
      const lines = wrapWords(given.join(' '), width);
      expect(lines.join(' ')).toBe(given.join(' '));
      for (const line of lines) expect(line.length <= width || !line.includes(' ')).toBe(true);
    }),
  );
});
