// The nearest word: slips of the finger are understood, other words are not guessed.
import { expect, test } from 'vitest';
import { nearestWord } from '#shared/text/nearest-word.ts';

const WORDS = ['name', 'issuer', 'match', 'ids', 'repository_owner', 'bytes-per-second'];

test.each([
  ['isuer', 'issuer'],
  ['Issuer', 'issuer'],
  ['id', 'ids'],
  ['mtach', undefined],
  ['macth', undefined],
  ['matches', 'match'],
  ['repository-owner', 'repository_owner'],
  ['bytes_per_second', 'bytes-per-second'],
  ['repo', 'repository_owner'],
  ['networks', undefined],
  ['', undefined],
  ['i'.repeat(65), undefined],
])('%s means %s', (word, meant) => {
  expect(nearestWord(word, WORDS)).toBe(meant);
});

test('of no words none is meant', () => {
  expect(nearestWord('name', [])).toBeUndefined();
});
