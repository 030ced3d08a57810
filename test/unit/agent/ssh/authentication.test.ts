// The rules of authentication of one connection, with a clock that stands still.
import { generateKeyPairSync, sign } from 'node:crypto';
import type { AuthContext } from 'ssh2';
import { expect, test } from 'vitest';
import { AccessList } from '../../../../services/agent/access/access-list.ts';
import type { AuthorizedKey } from '../../../../services/agent/access/authorized-keys.ts';
import type { Credentials } from '../../../../services/agent/access/credentials.ts';
import { LINK_SECRET_WITHIN_MS, LinkSecret } from '../../../../services/agent/access/link-secret.ts';
import { failureDelay, PasswordGuard } from '../../../../services/agent/access/password-guard.ts';
import { LOGIN_GRACE_MS } from '../../../../services/agent/crowd/login-limits.ts';
import {
  Authentication,
  MAX_FAILURES_PER_CONNECTION,
  MAX_KEY_OFFERS_PER_CONNECTION,
} from '../../../../services/agent/ssh/authentication.ts';
import { keyFingerprint } from '../../../../services/shared/ssh/fingerprint.ts';
import { wireString } from '../../../../services/shared/ssh/strings.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const PASSWORD: Credentials = { kind: 'password', user: 'abc', password: 'correct horse' };
const pair = generateKeyPairSync('ed25519');
const point = Buffer.from(pair.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
const BLOB = Buffer.concat([wireString(Buffer.from('ssh-ed25519')), wireString(point)]);
const KEYS: Credentials = keysOf({
  type: 'ssh-ed25519',
  blob: BLOB,
  fingerprint: keyFingerprint(BLOB),
  comment: 'jane',
});

function keysOf(...authorizedKeys: AuthorizedKey[]): Credentials {
  return { kind: 'keys', user: 'abc', access: new AccessList({ clock: new ManualClock(), authorizedKeys }) };
}

function start(credentials: Credentials, clock = new ManualClock()) {
  const told: unknown[] = [];
  const refusals: { detail: string; attempt: number }[] = [];
  const guard = new PasswordGuard({ clock, onTooMany: (failures) => told.push(`shut after ${failures}`) });
  const authentication = new Authentication({
    credentials,
    guard,
    address: '192.0.2.1',
    clock,
    onLogin: (login) => told.push(login),
    onRefused: (refusal) => refusals.push(refusal),
    onExhausted: () => told.push('exhausted'),
  });
  const answers: string[] = [];
  const decide = (attempt: object): void => {
    authentication.decide({
      accept: () => answers.push('accept'),
      reject: (methods: string[]) => answers.push(`reject ${methods.join()}`),
      ...attempt,
    } as unknown as AuthContext);
  };
  return { clock, told, refusals, answers, decide, guard, authentication };
}

function password(text: unknown, username = 'abc'): object {
  return { method: 'password', username, password: text };
}

function key(blob: Buffer, signature?: Buffer): object {
  const signed = signature === undefined ? {} : { signature, blob: Buffer.from('message') };
  return { method: 'publickey', username: 'abc', key: { algo: 'ssh-ed25519', data: blob }, ...signed };
}

test('asking for the methods is free, and names the one that can work', () => {
  const { decide, answers, refusals } = start(PASSWORD);
  decide({ method: 'none', username: 'abc' });
  expect(answers).toEqual(['reject password']);
  expect(refusals).toEqual([]);
});

test('a failure is answered late, twice as late each time up to a limit, and the last one not at all', () => {
  const { decide, answers, clock, told, refusals } = start(PASSWORD);
  for (let failure = 1; failure <= MAX_FAILURES_PER_CONNECTION; failure++) {
    decide(password('wrong'));
    clock.advance(failureDelay(failure) - 1);
    expect(answers).toHaveLength(failure - 1);
    clock.advance(1);
  }
  expect([1, 2, 3, 4, 5, 6, 9].map(failureDelay)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  expect(answers).toHaveLength(MAX_FAILURES_PER_CONNECTION - 1);
  expect(told).toEqual(['exhausted']);
  expect(refusals.map((refusal) => refusal.attempt)).toEqual([1, 2, 3, 4, 5, 6]);
});

test('all failures of a connection fit into its login deadline', () => {
  let sum = 0;
  for (let failure = 1; failure <= MAX_FAILURES_PER_CONNECTION; failure++) sum += failureDelay(failure);
  expect(sum).toBeLessThan(LOGIN_GRACE_MS / 2);
});

test('the right password after a wrong one is accepted at once', () => {
  const { decide, answers, clock, told } = start(PASSWORD);
  decide(password('wrong'));
  clock.advance(500);
  decide(password('correct horse'));
  expect(answers).toEqual(['reject password', 'accept']);
  expect(told).toEqual([{ user: 'abc', method: 'password' }]);
});

/** A job with a link, and the secret in it. */
function startWithLink() {
  const clock = new ManualClock();
  const link = new LinkSecret(clock);
  const secret = link.make();
  return { secret, ...start({ kind: 'password', user: 'abc', password: 'correct horse', link }, clock) };
}

test('a link lets in once; the second time it is a wrong password, in words, in time and in the count', () => {
  const { secret, decide, answers, clock, refusals, told } = startWithLink();
  decide(password(secret, 'mallory'));
  clock.advance(failureDelay(1));
  decide(password(secret));
  expect(answers).toEqual(['reject password', 'accept']);
  expect(told).toEqual([{ user: 'abc', method: 'password' }]);
  decide(password(secret));
  clock.advance(failureDelay(2) - 1);
  expect(answers).toHaveLength(2);
  clock.advance(1);
  expect(answers[2]).toBe('reject password');
  expect(refusals[1]).toMatchObject({ detail: 'wrong password', attempt: 2 });
});

test('a link that nobody has followed in time lets nobody in; the password does as before', () => {
  const { secret, decide, answers, clock, refusals } = startWithLink();
  clock.advance(LINK_SECRET_WITHIN_MS);
  decide(password(secret));
  clock.advance(failureDelay(1));
  decide(password('correct horse'));
  expect(answers).toEqual(['reject password', 'accept']);
  expect(refusals).toMatchObject([{ detail: 'wrong password' }]);
});

test('the password does not spend the link', () => {
  const { secret, decide, answers } = startWithLink();
  decide(password('correct horse'));
  decide(password(secret));
  expect(answers).toEqual(['accept', 'accept']);
});

test('where passwords are shut, a link is shut too', () => {
  const { secret, decide, told, guard } = startWithLink();
  guard.turnOff();
  decide(password(secret));
  expect(told).toEqual([]);
});

test.each([[''], [{ oldPassword: 'correct horse', newPassword: 'x' }], [undefined]])(
  '%j is no password',
  (text) => {
    const { decide, told, clock } = start(PASSWORD);
    decide(password(text));
    clock.advance(500);
    expect(told).toEqual([]);
  },
);

test('a password where keys are wanted is a failure, whatever it is', () => {
  const { decide, refusals, answers, clock } = start(KEYS);
  decide(password('correct horse'));
  clock.advance(500);
  expect(refusals).toMatchObject([{ detail: 'a password, but only keys are accepted', attempt: 1 }]);
  expect(answers).toEqual(['reject publickey']);
});

test('an authorized key is asked about, then signs, and is told by its comment', () => {
  const { decide, answers, told } = start(KEYS);
  decide(key(BLOB));
  decide(key(BLOB, sign(null, Buffer.from('message'), pair.privateKey)));
  expect(answers).toEqual(['accept', 'accept']);
  expect(told).toEqual([
    { user: 'abc', method: 'key', key: { fingerprint: keyFingerprint(BLOB), comment: 'jane' } },
  ]);
});

test('a bad signature by an authorized key is a failure', () => {
  const { decide, told, refusals } = start(KEYS);
  decide(key(BLOB, sign(null, Buffer.from('another message'), pair.privateKey)));
  expect(told).toEqual([]);
  expect(refusals).toMatchObject([{ detail: `bad signature by ${keyFingerprint(BLOB)}`, attempt: 1 }]);
});

test('a signature by an unknown key does not let in', () => {
  const { decide, told, answers } = start(keysOf());
  decide(key(BLOB, sign(null, Buffer.from('message'), pair.privateKey)));
  expect(told).toEqual([]);
  expect(answers).toEqual(['reject publickey']);
});

test('offers of unknown keys are free up to their own limit, then the connection is cut', () => {
  const { decide, answers, told, refusals } = start(KEYS);
  for (let offer = 0; offer < MAX_KEY_OFFERS_PER_CONNECTION; offer++) {
    decide(key(Buffer.concat([BLOB, Buffer.from([offer])])));
  }
  expect(answers).toHaveLength(MAX_KEY_OFFERS_PER_CONNECTION);
  expect(refusals).toEqual([]);
  decide(key(Buffer.concat([BLOB, Buffer.from('one more')])));
  expect(told).toEqual(['exhausted']);
});

test('refused keys are told when the connection ends without a login, and not otherwise', () => {
  const stranger = Buffer.concat([BLOB, Buffer.from('x')]);
  const without = start(KEYS);
  without.decide(key(stranger));
  without.authentication.stop(false);
  const detail = `none of the offered keys is authorized: ssh-ed25519 ${keyFingerprint(stranger)}`;
  expect(without.refusals).toMatchObject([{ detail, attempt: 0 }]);
  const within = start(KEYS);
  within.decide(key(stranger));
  within.authentication.stop(true);
  expect(within.refusals).toEqual([]);
});

test('an answer that is due after the connection has ended is never given', () => {
  const { decide, answers, clock, authentication } = start(PASSWORD);
  decide(password('wrong'));
  authentication.stop(false);
  clock.advance(10_000);
  expect(answers).toEqual([]);
});
