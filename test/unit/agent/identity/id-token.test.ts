// Identity tokens before they are shown: whom they are for, and how long one is kept.
import { describe, expect, test } from 'vitest';
import { idTokenFault } from '../../../../services/agent/identity/id-token.ts';
import {
  type HadToken,
  idTokenMaker,
  TOKEN_KEPT_MS,
} from '../../../../services/agent/identity/id-token-maker.ts';
import { idTokenFor } from '../../../support/text/id-token.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const AUDIENCE = 'https://relay.test';

describe('an identity token', () => {
  test('is shown to whom it is for', () => {
    expect(idTokenFault(idTokenFor(AUDIENCE), AUDIENCE)).toBeUndefined();
    expect(idTokenFault(idTokenFor([AUDIENCE]), AUDIENCE)).toBeUndefined();
  });

  test.each([
    ['https://other.test', 'is for https://other.test (its aud), and not for https://relay.test'],
    ['https://relay.test/', 'is for https://relay.test/ (its aud), and not for https://relay.test'],
    ['https://relay.test:8443', 'is for https://relay.test:8443 (its aud), and not for https://relay.test'],
    ['https://RELAY.test', 'is for https://RELAY.test (its aud), and not for https://relay.test'],
    [undefined, 'is for nobody (its aud), and not for https://relay.test'],
    [7, 'is for nobody (its aud), and not for https://relay.test'],
    [{ aud: AUDIENCE }, 'is for nobody (its aud), and not for https://relay.test'],
    [[], 'is for nobody (its aud), and not for https://relay.test'],
    [
      [AUDIENCE, 'https://vault.test'],
      'is for others too, where the relay could use it: make one for https://relay.test alone',
    ],
    [
      ['https://vault.test', AUDIENCE],
      'is for others too, where the relay could use it: make one for https://relay.test alone',
    ],
    [
      '\u001b[2J##[error]',
      String.raw`is for \u{1b}[2J#\u{23}[error] (its aud), and not for https://relay.test`,
    ],
  ])('for %j is not', (audience, why) => {
    expect(idTokenFault(idTokenFor(audience), AUDIENCE)).toBe(why);
  });

  test('must be one', () => {
    const [header = '', , signature = ''] = idTokenFor(AUDIENCE).split('.');
    const list = Buffer.from('["aud"]').toString('base64url');
    for (const text of [
      'secret',
      'a.b.c',
      'a.b',
      `${header}..${signature}`,
      `${header}.${list}.${signature}`,
    ])
      expect(idTokenFault(text, AUDIENCE)).toBe('is no identity token (a JWT)');
    expect(idTokenFault(`${idTokenFor(AUDIENCE)}\r\nx: y`, AUDIENCE)).toMatch(/^has characters/);
    expect(idTokenFault(idTokenFor(AUDIENCE, 'x'.repeat(9_000)), AUDIENCE)).toMatch(/^is longer than/);
  });
});

describe('a maker of them', () => {
  const facts = { audience: AUDIENCE, role: 'agent', id: 'job', claimHash: '', challenge: '' } as const;
  const { signal } = new AbortController();

  test('asks for another one after a while, and for another relay', async () => {
    const clock = new ManualClock();
    const asked: string[] = [];
    const maker = idTokenMaker(
      'the token',
      (audience) => {
        asked.push(audience);
        return Promise.resolve({ kind: 'token', token: `${idTokenFor(audience, String(asked.length))}\n` });
      },
      clock,
    );
    const first = await maker.make(facts, signal);
    expect(first).toEqual({ kind: 'made', identity: { kind: 'oidc', token: idTokenFor(AUDIENCE, '1') } });
    clock.advance(TOKEN_KEPT_MS - 1);
    expect(await maker.make(facts, signal)).toEqual(first);
    const other = 'https://other.test';
    const made = { kind: 'made', identity: { kind: 'oidc', token: idTokenFor(other, '2') } };
    expect(await maker.make({ ...facts, audience: other }, signal)).toEqual(made);
    await maker.make(facts, signal);
    clock.advance(TOKEN_KEPT_MS);
    await maker.make(facts, signal);
    expect(asked).toEqual([AUDIENCE, other, AUDIENCE, AUDIENCE]);
  });

  test('keeps nothing that is of no use, and says what to do', async () => {
    const answers: HadToken[] = [
      { kind: 'none', message: 'not now', passes: true },
      { kind: 'token', token: idTokenFor('https://other.test') },
      { kind: 'token', token: idTokenFor(AUDIENCE) },
    ];
    const maker = idTokenMaker(
      'the token',
      () => Promise.resolve(answers.shift() ?? { kind: 'none', message: 'no more', passes: false }),
      new ManualClock(),
      (audience) => `: ask for ${audience}`,
    );
    expect(await maker.make(facts, signal)).toEqual({ kind: 'unmade', message: 'not now', passes: true });
    expect(await maker.make(facts, signal)).toEqual({
      kind: 'unmade',
      message:
        'the token is for https://other.test (its aud), and not for https://relay.test: ask for https://relay.test',
      passes: false,
    });
    expect(await maker.make(facts, signal)).toMatchObject({ kind: 'made' });
  });
});
