// Identity on the wire: what is formatted is read back, anything else is refused, and what is signed names all that it is for.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  audienceOf,
  demandFrom,
  IDENTITY_KINDS,
  isPass,
  MAX_IDENTITY_CHARACTERS,
  MAX_PASS_CHARACTERS,
  type SignedFacts,
  signedText,
} from '#shared/protocol/identity.ts';
import {
  formatIdentity,
  type PresentedIdentity,
  parseIdentity,
} from '#shared/protocol/presented-identity.ts';

const word = fc.stringMatching(/^[!-~]{1,60}$/);
const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((array) => Buffer.from(array));
const presented: fc.Arbitrary<PresentedIdentity> = fc.oneof(
  fc.record({ kind: fc.constantFrom('oidc' as const, 'token' as const, 'sso' as const), token: word }),
  fc.record({
    kind: fc.constantFrom('key' as const, 'certificate' as const),
    challenge: word,
    blob: bytes,
    signature: bytes,
  }),
);

test('what is formatted is read back', () => {
  fc.assert(
    fc.property(presented, (identity) => {
      expect(parseIdentity(formatIdentity(identity))).toEqual(identity);
    }),
  );
});

test('any text is read without an error', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      parseIdentity(text);
      parseIdentity(`key ${text}`);
      parseIdentity(`oidc ${text}`);
    }),
  );
});

test.each([
  '',
  'oidc',
  'oidc ',
  'oidc a b',
  'OIDC a',
  'password a',
  'token a\u00e9',
  'token a\tb',
  'key a b',
  'key a YQ== YQ== YQ==',
  'key a YQ=! YQ==',
  'certificate  YQ== YQ==',
  `token ${'x'.repeat(MAX_IDENTITY_CHARACTERS)}`,
])('%j is no proof', (header) => {
  expect(parseIdentity(header)).toBeUndefined();
});

test('each fact that is signed changes the text, and none can pass for another', () => {
  const fact = fc.stringMatching(/^[!-~]{0,12}$/);
  const facts: fc.Arbitrary<SignedFacts> = fc.record({
    audience: fact,
    role: fc.constantFrom('agent', 'client'),
    id: fact,
    claimHash: fact,
    challenge: fact,
  });
  fc.assert(
    fc.property(facts, facts, (one, other) => {
      const isSame = JSON.stringify(Object.entries(one)) === JSON.stringify(Object.entries(other));
      expect(signedText(one) === signedText(other)).toBe(isSame);
    }),
  );
});

test.each([
  ['wss://relay.example.com/agent/x', 'https://relay.example.com'],
  ['wss://relay.example.com:443/prefix/agent', 'https://relay.example.com'],
  ['ws://127.0.0.1:8080/agent/x', 'http://127.0.0.1:8080'],
  ['https://relay.example.com:8443/', 'https://relay.example.com:8443'],
])('%s is %s to those who sign', (url, audience) => {
  expect(audienceOf(url)).toBe(audience);
});

describe('a demand', () => {
  test('is read, without the kinds that this version does not know', () => {
    const identity = { kinds: ['key', 'palm', 7, 'oidc'], challenge: 'abc' };
    expect(demandFrom({ identity })).toEqual({ kinds: ['oidc', 'key'], challenge: 'abc' });
    expect(demandFrom({ identity: { kinds: [...IDENTITY_KINDS], challenge: 'abc' } })?.kinds).toEqual(
      IDENTITY_KINDS,
    );
  });

  test.each([
    undefined,
    null,
    'key',
    [],
    {},
    { kinds: 'key', challenge: 'abc' },
    { kinds: ['key'] },
    { kinds: ['key'], challenge: 'a b' },
    { kinds: ['key'], challenge: 'x'.repeat(MAX_PASS_CHARACTERS + 1) },
  ])('is not made of %j', (identity) => {
    expect(demandFrom({ identity })).toBeUndefined();
  });
});

test('a pass is a header value of bounded length', () => {
  expect([isPass('a.b'), isPass('x'.repeat(MAX_PASS_CHARACTERS))]).toEqual([true, true]);
  expect(['', 'a b', 'a\n', '\u00e9', 'x'.repeat(MAX_PASS_CHARACTERS + 1)].map(isPass)).toEqual(
    Array.from({ length: 5 }, () => false),
  );
});
