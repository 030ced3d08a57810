// The judge: which rule admits whom, and what somebody is told whom none admits.
import { describe, expect, test } from 'vitest';
import type { Asking, Judgement } from '../../../../services/relay/gate/needs.ts';
import { MAX_REFUSAL_LENGTH, policyJudge } from '../../../../services/relay/gate/policy-judge.ts';
import type { CertifiedKey, Claims, Identity } from '../../../../services/relay/identity/identity.ts';
import type { AgentRule, ClientRule } from '../../../../services/relay/policy/policy.ts';
import { MAX_REFUSAL_BYTES } from '../../../../services/shared/protocol/refusals.ts';
import { keyFingerprint } from '../../../../services/shared/ssh/fingerprint.ts';
import { printable } from '../../../../services/shared/text/printable.ts';
import { TEST_NOW, testPolicy } from '../../../support/relay/policy-text.ts';
import { makeTestKey } from '../../../support/ssh/test-key.ts';

const ISSUER = 'https://token.actions.githubusercontent.com';
const CLAIMS = {
  repository: 'acme/app',
  repository_owner: 'acme',
  ref: 'refs/heads/main',
  run_id: '4711',
  workflow: 'build it',
};
const HASHES = { one: '1'.repeat(64), two: '2'.repeat(64), old: '3'.repeat(64) };
const KEY = makeTestKey('ssh-ed25519');
const CA = makeTestKey('ssh-ed25519');
const lineOf = ({ type, blob }: typeof KEY, comment: string) =>
  `${type} ${blob.toString('base64')} ${comment}`;

const POLICY = testPolicy(`
agents:
  - name: acme
    issuer: github
    match: { repository_owner: acme, ref: [refs/heads/*, refs/tags/v1] }
    ids: ['gh.{repository}.{run_id}.*', 'latest.{repository}']
  - name: deploy
    issuer: github
    match: { repository: other/deploy, environment: production }
    ids: deploy.*
    networks: 10.0.0.0/8
  - name: jenkins
    tokens:
      - { name: new, sha256: '${HASHES.one}', expires: 2027-01-31 }
      - { name: old, sha256: '${HASHES.old}', expires: 2026-11-28 }
    ids: jenkins.*
  - name: lab
    tokens: [ { name: lab, sha256: '${HASHES.two}', expires: 2027-01-31 } ]
    ids: lab
    networks: [192.0.2.0/24, '2001:db8::/32']
  - { name: builders, keys: ['${lineOf(KEY, 'builder 1')}'], ids: build.* }
clients:
  - { name: office, networks: 203.0.113.0/24, ids: [gh.*, build.*] }
  - { name: staff, certificate-authorities: '${lineOf(CA, 'ca')}', principals: [ada, ben] }
  - { name: people, sso: { groups: [engineers, ops] }, ids: gh.* }
sso: { issuer: https://login.example.com, client-id: converge }
`);

function agent(
  identity: Identity,
  id: string,
  asking: Partial<Asking> = {},
  now = TEST_NOW,
): Judgement<AgentRule> {
  const whole = { role: 'agent', id, claimHash: 'c', address: '192.0.2.1', ...asking } as const;
  return policyJudge.agent(POLICY, identity, whole, now);
}

function client(identity: Identity, id: string, address = '192.0.2.1'): Judgement<ClientRule> {
  return policyJudge.client(POLICY, identity, { role: 'client', id, claimHash: '', address }, TEST_NOW);
}

const oidc = (claims: Claims, issuer = ISSUER): Identity => ({ kind: 'oidc', issuer, claims });
const token = (sha256: string): Identity => ({ kind: 'token', sha256 });
const NONE: Identity = { kind: 'none' };

function certificate(changes: Partial<CertifiedKey> = {}): Identity {
  const known = {
    fingerprint: 'SHA256:ada',
    caFingerprint: keyFingerprint(CA.blob),
    keyId: 'ada at work',
    serial: 7n,
    principals: ['ada'],
    validAfter: 0n,
    validBefore: 1n,
    criticalOptions: new Map(),
  };
  return { kind: 'certificate', certificate: { ...known, ...changes } };
}

const sso = (claims: Claims, issuer = 'https://login.example.com'): Identity => ({
  kind: 'sso',
  issuer,
  claims,
});

describe('admitted', () => {
  test('a job by its claims, as whom, and with what the rule looked at', () => {
    expect(agent(oidc(CLAIMS), 'gh.acme__app.4711.linux')).toEqual({
      kind: 'admitted',
      rule: POLICY.agents?.[0],
      admittance: {
        rule: 'acme',
        kind: 'oidc',
        subject: 'acme/app, run 4711',
        facts: { repository_owner: 'acme', ref: 'refs/heads/main', repository: 'acme/app', run_id: '4711' },
      },
    });
    expect(agent(oidc(CLAIMS), 'latest.acme__app').kind).toBe('admitted');
    const numbers = { ...CLAIMS, run_id: 4711 };
    expect(agent(oidc(numbers), 'gh.acme__app.4711.linux').kind).toBe('admitted');
  });

  test.each([
    [
      'token',
      token(HASHES.one),
      'jenkins.7',
      '192.0.2.1',
      { rule: 'jenkins', kind: 'token', subject: 'new' },
    ],
    ['token of a network', token(HASHES.two), 'lab', '2001:db8::7', { rule: 'lab', subject: 'lab' }],
    [
      'key',
      { kind: 'key', blob: KEY.blob, fingerprint: keyFingerprint(KEY.blob) } as const,
      'build.7',
      '192.0.2.1',
      { rule: 'builders', subject: keyFingerprint(KEY.blob), facts: { comment: 'builder 1' } },
    ],
  ])('an agent by its %s', (_, identity, id, address, admittance) => {
    expect(agent(identity, id, { address })).toMatchObject({ kind: 'admitted', admittance });
  });

  test.each([
    ['network', NONE, 'gh.x', '203.0.113.7', { rule: 'office', kind: 'network', subject: '203.0.113.7' }],
    [
      'certificate',
      certificate(),
      'any',
      '192.0.2.1',
      {
        rule: 'staff',
        kind: 'certificate',
        subject: 'ada at work',
        facts: { serial: '7', principals: 'ada', key: 'SHA256:ada' },
      },
    ],
    [
      'certificate, which says from where it is good',
      certificate({ criticalOptions: new Map([['source-address', '192.0.2.0/24']]) }),
      'any',
      '192.0.2.1',
      { rule: 'staff', facts: { sourceAddress: '192.0.2.0/24' } },
    ],
    [
      'sign-on',
      sso({ groups: ['all', 'ops'], email: 'ada@acme.com' }),
      'gh.x',
      '192.0.2.1',
      {
        rule: 'people',
        kind: 'sso',
        subject: 'ada@acme.com',
      },
    ],
    // The address is enough, whatever else is shown.
    ['network beside a token', token('x'), 'build.7', '203.0.113.7', { rule: 'office' }],
  ])('a client by its %s', (_, identity, id, address, admittance) => {
    expect(client(identity, id, address)).toMatchObject({ kind: 'admitted', admittance });
  });
});

describe('refused', () => {
  test.each<[string, Identity, string, string, RegExp]>([
    [
      'another owner',
      oidc({ ...CLAIMS, repository_owner: 'evil' }),
      'gh.acme__app.4711.x',
      'not_admitted',
      /rule acme does not, since repository_owner is "evil"; rule deploy does not, since repository is "acme\/app"$/,
    ],
    [
      'another ref',
      oidc({ ...CLAIMS, ref: 'refs/pull/1/merge' }),
      'gh.acme__app.4711.x',
      'not_admitted',
      /rule acme does not, since ref is "refs\/pull\/1\/merge"/,
    ],
    [
      'a claim that is a list',
      oidc({ repository_owner: ['acme'], ref: 'x', repository: 'x' }),
      'x',
      'not_admitted',
      /rule deploy does not, since repository is "x"; rule acme does not, since repository_owner is no plain text: \["acme"\]/,
    ],
    [
      'no claims at all',
      oidc({}),
      'x',
      'token_bad_claims',
      /rule acme does not, since there is no repository_owner; rule deploy does not, since there is no repository$/,
    ],
    [
      'the ID of another project',
      oidc(CLAIMS),
      'gh.acme__lib.4711.x',
      'id_not_allowed',
      /rule acme does not, since the ID would have to be gh\.acme__app\.4711\.\* or latest\.acme__app/,
    ],
    ['the ID of another rule', oidc(CLAIMS), 'jenkins.7', 'id_not_allowed', /gh\.acme__app/],
    [
      'a claim that no ID can have',
      oidc({ ...CLAIMS, repository: 'acme/a b' }),
      'x',
      'id_not_allowed',
      /repository is "acme\/a b", which no ID can have/,
    ],
    [
      'a network',
      oidc({ repository: 'other/deploy', environment: 'production', repository_owner: 'other' }),
      'deploy.x',
      'not_admitted',
      /rule deploy does not, since the address is 192\.0\.2\.1/,
    ],
    [
      'another issuer',
      oidc(CLAIMS, 'https://evil.example'),
      'x',
      'token_unknown_issuer',
      /issuer https:\/\/evil\.example$/,
    ],
    [
      'a token that nobody has',
      token('f'.repeat(64)),
      'jenkins.7',
      'token_unknown',
      /^no rule has this token$/,
    ],
    [
      'a token that has expired',
      token(HASHES.old),
      'jenkins.7',
      'token_expired',
      /the token old expired at 2026-11-29T00:00:00/,
    ],
    [
      'a token for another ID',
      token(HASHES.one),
      'lab',
      'id_not_allowed',
      /^no rule admits this: rule jenkins does not, since the ID would have to be jenkins\.\*; rule lab does not, since the token is another one$/,
    ],
    [
      'another key',
      { kind: 'key', blob: CA.blob, fingerprint: 'SHA256:x' },
      'build.1',
      'key_unknown',
      /the key is SHA256:x/,
    ],
    ['nobody', NONE, 'x', 'not_admitted', /without a proof/],
    [
      'a certificate, which no rule of agents asks for',
      certificate(),
      'x',
      'certificate_unknown_ca',
      /authority/,
    ],
  ])('an agent: %s', (_, identity, id, code, message) => {
    const judgement = agent(identity, id);
    expect(judgement).toMatchObject({ kind: 'refused', code });
    expect(judgement.kind === 'refused' ? judgement.message : '').toMatch(message);
  });

  test.each<[string, Identity, string, string, RegExp]>([
    [
      'another network',
      NONE,
      'gh.x',
      'not_admitted',
      /rule office does not, since the address is 192\.0\.2\.1/,
    ],
    [
      'another authority',
      certificate({ caFingerprint: 'SHA256:x' }),
      'x',
      'not_admitted',
      /signed by SHA256:x/,
    ],
    ['another principal', certificate({ principals: ['eve'] }), 'x', 'not_admitted', /for eve/],
    ['another group', sso({ groups: ['guests'] }), 'gh.x', 'not_admitted', /groups is \["guests"\]/],
    ['no group that counts', sso({ groups: [] }), 'gh.x', 'not_admitted', /groups has none of those/],
    ['another provider', sso({ groups: 'ops' }, 'https://evil.example'), 'gh.x', 'not_admitted', /office/],
    ['another agent', sso({ groups: 'ops' }), 'lab', 'id_not_allowed', /gh\.\*/],
  ])('a client: %s', (_, identity, id, code, message) => {
    const judgement = client(identity, id);
    expect(judgement).toMatchObject({ kind: 'refused', code });
    expect(judgement.kind === 'refused' ? judgement.message : '').toMatch(message);
  });

  test('with a certificate, where all rules are of certificates, by what is wrong with it', () => {
    const certified = { ...POLICY, clients: POLICY.clients?.slice(1, 2) };
    const asking = { role: 'client', id: 'x', claimHash: '', address: '192.0.2.1' } as const;
    const judge = (identity: Identity) => policyJudge.client(certified, identity, asking, TEST_NOW);
    expect(judge(certificate({ principals: ['eve'] }))).toMatchObject({
      code: 'certificate_wrong_principal',
    });
    expect(judge(certificate({ caFingerprint: 'x' }))).toMatchObject({ code: 'certificate_unknown_ca' });
  });

  test('by an empty list', () => {
    expect(
      policyJudge.agent(
        testPolicy('agents: []'),
        oidc(CLAIMS),
        { role: 'agent', id: 'x', claimHash: '', address: '' },
        0,
      ),
    ).toMatchObject({
      code: 'not_admitted',
      message: 'the policy of this relay admits nobody',
    });
  });

  test('to the second: a token counts until its end, and no longer', () => {
    const end = Date.UTC(2027, 1, 1);
    expect(agent(token(HASHES.one), 'jenkins.7', {}, end - 1).kind).toBe('admitted');
    expect(agent(token(HASHES.one), 'jenkins.7', {}, end)).toMatchObject({ code: 'token_expired' });
  });
});

describe('a refusal', () => {
  test('names nothing of what a rule wants, and nothing of other rules’ secrets', () => {
    const judgement = agent(oidc({ ...CLAIMS, repository_owner: 'evil', repository: 'evil/x' }), 'x');
    const message = judgement.kind === 'refused' ? judgement.message : '';
    expect(message).not.toMatch(/acme\/|"acme"|refs\/heads\/\*|production|other\/deploy|10\.0\.0/);
  });

  test('of a token made to be printed has one line that nothing obeys, and fits', () => {
    const evil = `\u001b[2J\n::error::x##vso[task]${'x'.repeat(5_000)}`;
    const rules = Array.from(
      { length: 40 },
      (_, index) =>
        `- { name: r${index}, issuer: github, match: { repository: a/b, ref: refs/${index} }, ids: a.b }`,
    );
    const policy = testPolicy(`agents:\n${rules.join('\n')}`);
    const asking = { role: 'agent', id: 'x', claimHash: '', address: '192.0.2.1' } as const;
    const judgement = policyJudge.agent(policy, oidc({ repository: 'a/b', ref: evil }), asking, 0);
    const message = judgement.kind === 'refused' ? judgement.message : '';
    expect(message.length).toBeLessThanOrEqual(MAX_REFUSAL_LENGTH);
    expect(Buffer.byteLength(JSON.stringify({ code: 'not_admitted', message }))).toBeLessThan(
      MAX_REFUSAL_BYTES,
    );
    expect(message).toMatch(/rule r0 does not, since ref is .*; and 35 more rules$/);
    expect(printable(message, MAX_REFUSAL_LENGTH)).toBe(message);
    expect(message).not.toMatch(/::error::|##/);
  });
});

test('what is asked for is what the rules ask for, each once; an address is no proof', () => {
  expect(policyJudge.kindsAsked(POLICY.agents ?? [])).toEqual(['oidc', 'token', 'key']);
  expect(policyJudge.kindsAsked(POLICY.clients ?? [])).toEqual(['certificate', 'sso']);
  expect(policyJudge.kindsAsked([])).toEqual([]);
});
