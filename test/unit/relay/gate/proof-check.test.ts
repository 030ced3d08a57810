// The check of proofs: each kind goes to who knows it, with what the policy says, and nothing is checked that no rule asks for.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Asking } from '../../../../services/relay/gate/needs.ts';
import { proofCheckOf } from '../../../../services/relay/gate/proof-check.ts';
import { ClusterKey } from '../../../../services/relay/hop/cluster-key.ts';
import { isFreshChallenge } from '../../../../services/relay/identity/challenge.ts';
import { signedText } from '../../../../services/shared/protocol/identity.ts';
import type { PresentedIdentity } from '../../../../services/shared/protocol/presented-identity.ts';
import { sshsigBytes } from '../../../../services/shared/ssh/sshsig.ts';
import { TEST_AUDIENCE, TEST_NOW, testPolicy } from '../../../support/relay/policy-text.ts';
import { makeTestCertificate } from '../../../support/ssh/test-certificate.ts';
import { makeTestKey, type TestKey } from '../../../support/ssh/test-key.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const SEAL = new ClusterKey(['a secret of at least thirty-two letters']);
const KEY = makeTestKey('ssh-ed25519');
const CA = makeTestKey('ssh-ed25519');
const OTHER_CA = makeTestKey('ssh-ed25519');
const lineOf = ({ type, blob }: TestKey) => `${type} ${blob.toString('base64')}`;
const fileOf = (key: TestKey) => Buffer.from(`${lineOf(key)}\n`).toString('base64');

const POLICY = testPolicy(`
agents:
  - { name: a, issuer: github, match: { repository: acme/app }, ids: a }
  - { name: b, issuer: github, match: { repository: acme/lib }, ids: b }
  - { name: c, issuer: gitlab, match: { project_id: 7 }, ids: c }
  - { name: d, keys: '${lineOf(KEY)}', ids: d }
clients:
  - { name: staff, certificate-authorities: '${lineOf(CA)}' }
  - { name: people, sso: { groups: ops } }
sso: { issuer: https://login.example.com, client-id: converge }
`);

const AGENT: Asking = { role: 'agent', id: 'd', claimHash: 'hash', address: '192.0.2.1' };
const CLIENT: Asking = { role: 'client', id: 'd', claimHash: '', address: '192.0.2.1' };

const clock = new ManualClock(TEST_NOW);
const identities = proofCheckOf({ seal: SEAL, clock });

function signed(
  kind: 'key' | 'certificate',
  blob: Buffer,
  { role, id, claimHash }: Asking,
): PresentedIdentity {
  const challenge = identities.challenge();
  const text = signedText({ audience: TEST_AUDIENCE, role, id, claimHash, challenge });
  return { kind, challenge, blob, signature: KEY.sign(sshsigBytes(text, 'converge')) };
}

test('a challenge is one of this cluster, made now', () => {
  expect(isFreshChallenge(SEAL, identities.challenge(), TEST_NOW)).toBe(true);
});

test('a token is its SHA-256', async () => {
  const sha256 = createHash('sha256').update('secret').digest('hex');
  expect(await identities.check({ kind: 'token', token: 'secret' }, AGENT, POLICY)).toEqual({
    kind: 'verified',
    identity: { kind: 'token', sha256 },
  });
});

describe('a key', () => {
  test('of a rule of agents counts for an agent, and not for a client', async () => {
    expect(await identities.check(signed('key', KEY.blob, AGENT), AGENT, POLICY)).toMatchObject({
      kind: 'verified',
      identity: { kind: 'key' },
    });
    expect(await identities.check(signed('key', KEY.blob, CLIENT), CLIENT, POLICY)).toMatchObject({
      code: 'key_unknown',
    });
  });

  test('that a rule of clients revokes does not', async () => {
    const policy = testPolicy(`
agents:
  - { name: builders, keys: '${lineOf(KEY)}', ids: d }
clients:
  - { name: staff, certificate-authorities: '${lineOf(CA)}', revoked-keys: '${fileOf(KEY)}' }`);
    expect(await identities.check(signed('key', KEY.blob, AGENT), AGENT, policy)).toMatchObject({
      code: 'key_unknown',
      message: expect.stringContaining('revoked'),
    });
  });

  test('that signed for another ID does not', async () => {
    const proof = signed('key', KEY.blob, { ...AGENT, id: 'e' });
    expect(await identities.check(proof, AGENT, POLICY)).toMatchObject({ code: 'key_bad_signature' });
  });
});

describe('a certificate', () => {
  const proof = () => signed('certificate', makeTestCertificate(KEY, CA), CLIENT);

  test('by an authority of a rule counts for a client', async () => {
    expect(await identities.check(proof(), CLIENT, POLICY)).toMatchObject({
      identity: { kind: 'certificate' },
    });
    const stranger = signed('certificate', makeTestCertificate(KEY, OTHER_CA), CLIENT);
    expect(await identities.check(stranger, CLIENT, POLICY)).toMatchObject({
      code: 'certificate_unknown_ca',
    });
  });

  test('that one rule revokes is revoked for all', async () => {
    const policy = testPolicy(`
clients:
  - { name: staff, certificate-authorities: '${lineOf(CA)}' }
  - { name: others, certificate-authorities: '${lineOf(OTHER_CA)}', revoked-keys: '${fileOf(KEY)}' }`);
    expect(await identities.check(proof(), CLIENT, policy)).toMatchObject({ code: 'certificate_revoked' });
  });
});

describe('a token of a CI system', () => {
  test('goes to its check with the issuers that rules trust, each once', async () => {
    const asked: string[][] = [];
    const verdict = { kind: 'refused', code: 'token_expired', message: 'it has' } as const;
    const checking = proofCheckOf({
      seal: SEAL,
      clock,
      ci: {
        verify(token, issuers) {
          asked.push([token, ...issuers.map(({ url }) => url)]);
          return Promise.resolve(verdict);
        },
      },
    });
    expect(await checking.check({ kind: 'oidc', token: 'a.b.c' }, AGENT, POLICY)).toBe(verdict);
    expect(asked).toEqual([['a.b.c', 'https://token.actions.githubusercontent.com', 'https://gitlab.com']]);
    // No rule of clients trusts one.
    expect(await checking.check({ kind: 'oidc', token: 'a.b.c' }, CLIENT, POLICY)).toMatchObject({
      code: 'token_unknown_issuer',
    });
    expect(asked).toHaveLength(1);
  });

  test('is refused where nobody checks it', async () => {
    expect(await identities.check({ kind: 'oidc', token: 'a.b.c' }, AGENT, POLICY)).toMatchObject({
      code: 'token_unknown_issuer',
    });
  });
});

describe('a sign-on', () => {
  test('goes to its check with the provider of the policy and the time', async () => {
    const asked: unknown[] = [];
    const verdict = { kind: 'refused', code: 'sso_expired', message: 'it is over' } as const;
    const checking = proofCheckOf({
      seal: SEAL,
      clock,
      signOn: {
        verify(...args) {
          asked.push(args);
          return verdict;
        },
      },
    });
    expect(await checking.check({ kind: 'sso', token: 't' }, CLIENT, POLICY)).toBe(verdict);
    expect(asked).toEqual([['t', 'https://login.example.com', TEST_NOW]]);
    const without = testPolicy('clients: []');
    expect(await checking.check({ kind: 'sso', token: 't' }, CLIENT, without)).toMatchObject({
      code: 'sso_refused',
    });
  });

  test('is refused where nobody checks it', async () => {
    expect(await identities.check({ kind: 'sso', token: 't' }, CLIENT, POLICY)).toMatchObject({
      code: 'sso_refused',
    });
  });
});
