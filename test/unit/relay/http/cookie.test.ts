// Cookies: read from what browsers send, and from what they would not.
import { expect, test } from 'vitest';
import { cookieOf, cookieText } from '../../../../services/relay/http/door/cookie.ts';

const read = (cookie: string | undefined) =>
  cookieOf({ headers: cookie === undefined ? {} : { cookie } }, 'converge-sso');

test.each([
  ['converge-sso=abc', 'abc'],
  ['a=b; converge-sso=abc; c=d', 'abc'],
  ['converge-sso=one; converge-sso=two', 'one'],
  ['converge-sso=a=b', 'a=b'],
  ['converge-sso=', ''],
  ['xconverge-sso=abc; converge-sso-trip=x; CONVERGE-SSO=y; converge-sso', undefined],
  ['', undefined],
  [undefined, undefined],
])('of %j the value is %j', (header, value) => {
  expect(read(header)).toBe(value);
});

test('a cookie is for the relay alone, and Secure where the relay is', () => {
  const terms = { path: '/', isSecure: true, maxAgeSeconds: 60 };
  expect(cookieText('a', 'b', terms)).toBe('a=b; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax');
  expect(cookieText('a', '', { ...terms, isSecure: false, maxAgeSeconds: 0 })).toBe(
    'a=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
  );
});
