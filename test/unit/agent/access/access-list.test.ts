// The access list: what it thinks of a key or certificate, by what it was given and by what a relay adds.
import { beforeEach, describe, expect, test } from 'vitest';
import {
  AccessList,
  type AccessListOptions,
  MAX_ALLOWED_KEYS,
} from '../../../../services/agent/access/access-list.ts';
import type { AuthorizedKey } from '../../../../services/agent/access/authorized-keys.ts';
import { KeyAccounts, LOOK_AGAIN_AFTER_MS } from '../../../../services/agent/access/key-accounts.ts';
import { keyFingerprint } from '../../../../services/shared/ssh/fingerprint.ts';
import { RevocationList } from '../../../../services/shared/ssh/revocation-list.ts';
import { makeTestCertificate } from '../../../support/ssh/test-certificate.ts';
import { makeTestKey, type TestKey } from '../../../support/ssh/test-key.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const HOME = '192.0.2.7';
const [key, other, authority] = [
  makeTestKey('ssh-ed25519'),
  makeTestKey('ssh-ed25519'),
  makeTestKey('ssh-ed25519'),
];
const AUTHORITIES = [{ fingerprint: keyFingerprint(authority.blob), comment: 'ours' }];

let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
});

function authorized({ type, blob }: TestKey, comment = 'jane'): AuthorizedKey {
  return { type, blob, fingerprint: keyFingerprint(blob), comment };
}

function listOf(options: Partial<AccessListOptions> = {}): AccessList {
  return new AccessList({ clock, authorizedKeys: [], ...options });
}

async function accountsWith(...keys: AuthorizedKey[]): Promise<KeyAccounts> {
  const accounts = new KeyAccounts({
    accounts: [{ kind: 'github', user: 'ada' }],
    clock,
    fetchKeys: () => Promise.resolve({ kind: 'fetched', keys, notes: [] }),
    tell: () => undefined,
  });
  await accounts.look();
  return accounts;
}

function revokedBy(blob: Buffer): RevocationList {
  return new RevocationList({ keys: [blob], sha1: [], sha256: [], certificates: [] });
}

describe('a key', () => {
  test('counts once somebody in the job has let it in, unless it is revoked, and only so many do', () => {
    const list = listOf({ revoked: revokedBy(other.blob) });
    expect(list.judge(key.blob, HOME).kind).toBe('unknown');
    expect(list.allow(authorized(key))).toBe('allowed');
    expect(list.judge(key.blob, HOME)).toMatchObject({ kind: 'key', comment: 'jane' });
    // Said to whoever asks, takes no place, and does not come in.
    expect(list.allow(authorized(other))).toBe('revoked');
    expect(list.judge(other.blob, HOME).kind).not.toBe('key');
    for (let count = 1; count < MAX_ALLOWED_KEYS; count += 1)
      expect(list.allow(authorized(makeTestKey('ssh-ed25519')))).toBe('allowed');
    expect(list.allow(authorized(makeTestKey('ssh-ed25519')))).toBe('too_many');
    // The same key again takes no place.
    expect(list.allow(authorized(key))).toBe('allowed');
  });

  test('counts if it is authorized, or that of an account', async () => {
    const list = listOf({
      authorizedKeys: [authorized(key)],
      accounts: await accountsWith(authorized(other, 'github:ada')),
    });
    expect(list.judge(key.blob, HOME)).toMatchObject({ kind: 'key', comment: 'jane' });
    expect(list.judge(other.blob, HOME)).toMatchObject({ kind: 'key', comment: 'github:ada' });
  });

  test('does not count if it is unknown, an authority, or revoked', () => {
    const list = listOf({
      authorizedKeys: [authorized(key)],
      authorities: AUTHORITIES,
      principals: 'any',
      revoked: revokedBy(key.blob),
    });
    expect(list.judge(other.blob, HOME)).toEqual({ kind: 'unknown' });
    expect(list.judge(authority.blob, HOME)).toEqual({ kind: 'unknown' });
    expect(list.judge(Buffer.alloc(0), HOME)).toEqual({ kind: 'unknown' });
    expect(list.judge(key.blob, HOME)).toEqual({
      kind: 'refused',
      detail: `key ${keyFingerprint(key.blob)} is revoked`,
    });
  });

  test('makes the accounts be asked again, those of the relay too', async () => {
    const list = listOf({ accounts: await accountsWith() });
    list.takeFromRelay({ host: 'h', authorities: [], accounts: await accountsWith() });
    expect(await list.lookAgain()).toHaveLength(2);
    expect([list.lookAgain(), list.waitMs]).toEqual([undefined, LOOK_AGAIN_AFTER_MS]);
    clock.advance(LOOK_AGAIN_AFTER_MS);
    expect(await list.lookAgain()).toHaveLength(2);
    expect([listOf().lookAgain(), listOf().waitMs]).toEqual([undefined, 0]);
  });
});

describe('a certificate', () => {
  const blob = makeTestCertificate(key, authority);

  test('counts if its authority does and it names one of the principals', () => {
    for (const principals of [['jane'], ['x', 'jane'], 'any'] as const) {
      const verdict = listOf({ authorities: AUTHORITIES, principals }).judge(blob, HOME);
      expect(verdict).toMatchObject({ kind: 'certificate', certificate: { keyId: 'jane at work' } });
    }
  });

  test('says why it does not, with the way out, and does not count by its bare key', () => {
    const list = listOf({
      authorizedKeys: [authorized(key)],
      authorities: AUTHORITIES,
      principals: ['abc', 'ops'],
    });
    expect(list.judge(blob, HOME)).toEqual({
      kind: 'refused',
      detail: 'certificate "jane at work" is for "jane", and --principals is abc,ops',
    });
    const unnamed = makeTestCertificate(key, authority, { principals: [] });
    expect(listOf({ authorities: AUTHORITIES, principals: 'any' }).judge(unnamed, HOME)).toEqual({
      kind: 'refused',
      detail: 'certificate "jane at work" names no principal',
    });
    expect(listOf({ authorizedKeys: [authorized(key)] }).judge(blob, HOME)).toEqual({
      kind: 'refused',
      detail: `certificate "jane at work" is signed by ${keyFingerprint(authority.blob)}, which is no authority here`,
    });
  });

  test('is named by its fingerprint if it cannot be read, and by no more of its key ID than fits a line', () => {
    const list = listOf({ authorities: AUTHORITIES, principals: 'any' });
    const cut = blob.subarray(0, 60);
    expect(list.judge(cut, HOME)).toMatchObject({
      kind: 'refused',
      detail: expect.stringMatching(/^certificate SHA256:\S{43} has no valid ssh-ed25519 key$/),
    });
    const long = makeTestCertificate(key, other, { keyId: `\n${'x'.repeat(9_000)}` });
    const verdict = list.judge(long, HOME);
    expect(verdict).toMatchObject({ detail: expect.stringMatching(/^certificate "\\nx{63}" is signed by /) });
  });

  test('is judged by the time of the wall and the address of its holder', () => {
    const now = BigInt(Math.floor(clock.wallTime() / 1_000));
    const list = listOf({ authorities: AUTHORITIES, principals: 'any' });
    const short = makeTestCertificate(key, authority, { validAfter: now, validBefore: now + 10n });
    expect(list.judge(short, HOME)).toMatchObject({ kind: 'certificate' });
    clock.advance(10_000);
    expect(list.judge(short, HOME)).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('expired at'),
    });
  });

  test('does not count if its key is revoked', () => {
    const list = listOf({ authorities: AUTHORITIES, principals: 'any', revoked: revokedBy(key.blob) });
    expect(list.judge(blob, HOME)).toMatchObject({
      kind: 'refused',
      detail: 'certificate "jane at work" is revoked, by its key',
    });
  });
});

describe('what a relay gives', () => {
  test('counts beside the rest, in place of what it gave before', async () => {
    const list = listOf({ authorizedKeys: [authorized(other)], principals: ['jane'] });
    const certificate = makeTestCertificate(key, authority);
    list.takeFromRelay({
      host: 'h',
      authorities: AUTHORITIES,
      accounts: await accountsWith(authorized(key)),
    });
    const kinds = (): string[] =>
      [other.blob, key.blob, certificate].map((blob) => list.judge(blob, HOME).kind);
    expect(kinds()).toEqual(['key', 'key', 'certificate']);
    list.takeFromRelay({ host: 'h', authorities: [], accounts: await accountsWith() });
    expect(kinds()).toEqual(['key', 'unknown', 'refused']);
  });

  test('is under the same principals and revocations', async () => {
    const list = listOf({ principals: ['abc'], revoked: revokedBy(key.blob) });
    list.takeFromRelay({
      host: 'h',
      authorities: AUTHORITIES,
      accounts: await accountsWith(authorized(key)),
    });
    expect(list.judge(key.blob, HOME)).toMatchObject({ kind: 'refused' });
    expect(list.judge(makeTestCertificate(other, authority), HOME)).toMatchObject({ kind: 'refused' });
    expect(list.judge(makeTestCertificate(other, authority, { principals: ['abc'] }), HOME).kind).toBe(
      'certificate',
    );
  });
});

test('a list is empty until there is somebody, who may have no key yet', async () => {
  expect(listOf().isEmpty).toBe(true);
  const list = listOf({
    accounts: new KeyAccounts({
      accounts: [],
      clock,
      fetchKeys: () => Promise.reject(new Error('asked')),
      tell: () => undefined,
    }),
  });
  expect(list.isEmpty).toBe(true);
  list.takeFromRelay({ host: 'h', authorities: [], accounts: await accountsWith() });
  expect(list.isEmpty).toBe(false);
  expect(listOf({ accounts: await accountsWith() }).isEmpty).toBe(false);
  expect(listOf({ authorities: AUTHORITIES }).isEmpty).toBe(false);
  expect(listOf({ authorizedKeys: [authorized(key)] }).isEmpty).toBe(false);
});
