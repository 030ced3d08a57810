// The own base: which paths a browser may be sent to after it has signed on.
import { describe, expect, test } from 'vitest';
import { ownBase, ownPath } from '../../../../../services/relay/http/sign-on/own-base.ts';

const base = ownBase(undefined, 'https://relay.test');
const below = ownBase(new URL('https://relay.test/converge/'), 'https://relay.test');

test('the base is what an operator has named, else the audience', () => {
  expect(base).toEqual({ url: 'https://relay.test', prefix: '', isSecure: true });
  expect(below).toEqual({ url: 'https://relay.test/converge', prefix: '/converge', isSecure: true });
  expect(ownBase(undefined, 'http://localhost:8080')).toMatchObject({ isSecure: false });
});

describe('a path to return to', () => {
  test.each([
    '/',
    '/?id=job',
    '/terminal/job?x=1&y=%2F#SHA256:abc',
    '/a//b',
    '/%2F%2Fevil.test',
    '/sign-onward',
  ])('%s counts as it is', (path) => {
    expect(ownPath(path, base)).toBe(path);
  });

  test.each([
    '//evil.test',
    '///evil.test',
    '/\\evil.test',
    '\\\\evil.test',
    '/a\\..\\\\evil.test',
    'https://evil.test/',
    'https:evil.test',
    'javascript:alert(1)',
    'evil.test',
    '?x',
    '',
    '/\t/evil.test',
    '/\n/evil.test',
    '\u0000//evil.test',
    ' //evil.test',
    '/.//evil.test',
    '/..//evil.test',
    '/a/..//evil.test',
    '/%2e%2e//evil.test',
    '/%2e//evil.test',
    '/é',
    '/sign-on',
    '/sign-on/callback?code=x',
    '/a/../sign-on/end',
    `/${'a'.repeat(512)}`,
    undefined,
    ['/a', '/b'],
    { toString: () => '/a' },
  ])('%j does not count', (path) => {
    expect(ownPath(path, base)).toBeUndefined();
  });

  test('is below the path of the relay, where it has one', () => {
    expect(ownPath('/converge/x', below)).toBe('/converge/x');
    for (const path of [
      '/x',
      '/converge',
      '/converged/x',
      '/converge/../x',
      '/converge/sign-on',
      '//converge/x',
    ])
      expect(ownPath(path, below)).toBeUndefined();
  });
});
