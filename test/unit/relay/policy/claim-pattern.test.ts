// Claim patterns: exact values, and globs that match what a regular expression would, in a time that does not explode.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ClaimPattern,
  matchesGlob,
  matchesPattern,
  matchesPatternOrMember,
} from '../../../../services/relay/policy/claim-pattern.ts';
import { MAX_CLAIM_TEXT } from '../../../../services/relay/policy/claim-text.ts';

const exact = (...values: string[]): ClaimPattern => ({ claim: 'x', values, isGlob: false });

describe('an exact pattern', () => {
  test.each([
    ['acme', true],
    ['Acme', false],
    ['acme ', false],
    ['acme\n', false],
    ['', false],
    ['*', false],
    [4711, true],
    [4711.5, false],
    [true, true],
    [false, false],
    [null, false],
    [['acme'], false],
    [{ acme: 'acme' }, false],
  ])('%j: %s', (value, isMatch) => {
    expect(matchesPattern(exact('acme', '4711', 'true', 'null'), { x: value })).toBe(isMatch);
  });

  test('does not match a claim that is not there, also not one that every object has', () => {
    expect(matchesPattern(exact('acme'), {})).toBe(false);
    const pattern = { claim: 'constructor', values: ['function Object() { [native code] }'], isGlob: false };
    expect(matchesPattern(pattern, {})).toBe(false);
  });

  test('takes a * for a *', () => {
    expect([matchesPattern(exact('a*'), { x: 'ab' }), matchesPattern(exact('a*'), { x: 'a*' })]).toEqual([
      false,
      true,
    ]);
  });

  test('of a sign-on matches one of a list too, if that is a text', () => {
    const pattern = exact('engineers', '7');
    expect(matchesPatternOrMember(pattern, { x: ['ops', 'engineers'] })).toBe(true);
    expect(matchesPatternOrMember(pattern, { x: 'engineers' })).toBe(true);
    for (const x of [['ops'], [], [['engineers']], [7], { engineers: true }])
      expect(matchesPatternOrMember(pattern, { x })).toBe(false);
  });
});

describe('a glob', () => {
  test.each([
    ['refs/heads/*', 'refs/heads/main', true],
    ['refs/heads/*', 'refs/heads/a/b', true],
    ['refs/heads/*', 'refs/heads/', true],
    ['refs/heads/*', 'refs/tags/v1', false],
    ['refs/*/v*', 'refs/tags/v1', true],
    ['a*b*a', 'aba', true],
    ['a*a', 'a', false],
    ['a*b*b', 'ab', false],
    ['a.c*', 'abc', false],
    ['main', 'main', true],
    ['main', 'mainly', false],
  ])('%s and %s: %s', (glob, text, isMatch) => {
    expect(matchesGlob(glob, text)).toBe(isMatch);
  });

  test('matches what a regular expression with .* matches', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*'), maxLength: 12 });
    fc.assert(
      fc.property(letters, letters, (glob, text) => {
        const parts = glob.split('*').map((part) => RegExp.escape(part));
        expect(matchesGlob(glob, text)).toBe(new RegExp(`^${parts.join('.*')}$`, 's').test(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test('that a regular expression would be busy with for years is answered', () => {
    const glob = `${'a*'.repeat(500)}b`;
    expect(matchesGlob(glob, 'a'.repeat(MAX_CLAIM_TEXT))).toBe(false);
  });

  test('does not look at a value that is too long', () => {
    const pattern = { claim: 'x', values: ['a*'], isGlob: true };
    expect(matchesPattern(pattern, { x: 'a'.repeat(MAX_CLAIM_TEXT) })).toBe(true);
    expect(matchesPattern(pattern, { x: 'a'.repeat(MAX_CLAIM_TEXT + 1) })).toBe(false);
  });
});
