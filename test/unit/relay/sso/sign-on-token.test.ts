// Sign-on tokens: whose they are, for how long, and that nobody else makes one.
import { expect, test } from 'vitest';
import { ClusterKey } from '../../../../services/relay/hop/cluster-key.ts';
import { makeSignOnToken, signOnCheckOf } from '../../../../services/relay/sso/sign-on-token.ts';

const ISSUER = 'https://login.test';
const [OLD, NEW] = ['a'.repeat(32), 'b'.repeat(32)];
const key = new ClusterKey([OLD]);
const check = signOnCheckOf(key);
const claims = { sub: '42', email: 'ada@example.com', groups: ['engineers'] };
const token = makeSignOnToken(key, { issuer: ISSUER, claims, expiresAt: 1_000 });

test('a token says who has signed on, until its time is over', () => {
  const identity = { kind: 'sso', issuer: ISSUER, claims };
  expect(check.verify(token, ISSUER, 999)).toEqual({ kind: 'verified', identity });
  expect(check.verify(token, ISSUER, 1_000)).toEqual({
    kind: 'refused',
    code: 'sso_expired',
    message: 'the sign-on of ada@example.com was good until 1970-01-01T00:00:01Z: sign on again',
  });
});

test('a token of another provider is refused by its name', () => {
  expect(check.verify(token, 'https://other.test', 0)).toMatchObject({
    code: 'sso_refused',
    message: expect.stringContaining(ISSUER) as string,
  });
});

test('a token counts while secrets are rotated, and no longer', () => {
  expect(signOnCheckOf(new ClusterKey([NEW, OLD])).verify(token, ISSUER, 0)).toMatchObject({
    kind: 'verified',
  });
  expect(signOnCheckOf(new ClusterKey([NEW])).verify(token, ISSUER, 0)).toMatchObject({
    code: 'sso_refused',
  });
});

test('a token with any one character changed, added or left out is refused', () => {
  for (let at = 0; at < token.length; at += 1) {
    const other = token[at] === 'A' ? 'B' : 'A';
    const changed = `${token.slice(0, at)}${other}${token.slice(at + 1)}`;
    expect(check.verify(changed, ISSUER, 0), `at ${at}`).toMatchObject({ code: 'sso_refused' });
  }
  for (const wrong of [
    `${token}=`,
    `${token}A`,
    ` ${token}`,
    token.slice(0, -1),
    `${token}\n`,
    token.replaceAll('-', '+'),
    '',
  ])
    if (wrong !== token) expect(check.verify(wrong, ISSUER, 0)).toMatchObject({ code: 'sso_refused' });
});

test('what was sealed for anything else is no token', () => {
  const text = JSON.stringify({ issuer: ISSUER, claims, expiresAt: 1_000 });
  for (const purpose of ['ticket', 'sign-on-handle', 'sign-on-refresh', 'sign-on-trip'] as const)
    expect(check.verify(key.seal(text, purpose), ISSUER, 0)).toMatchObject({ code: 'sso_refused' });
  expect(check.verify(key.seal(text, 'sign-on'), ISSUER, 0)).toMatchObject({ kind: 'verified' });
  for (const record of [
    '[]',
    '{}',
    'null',
    '{"issuer":1,"claims":{},"expiresAt":1000}',
    `{"issuer":"${ISSUER}","claims":[],"expiresAt":1000}`,
    `{"issuer":"${ISSUER}","claims":{},"expiresAt":"1000"}`,
  ])
    expect(check.verify(key.seal(record, 'sign-on'), ISSUER, 0)).toMatchObject({ code: 'sso_refused' });
});
