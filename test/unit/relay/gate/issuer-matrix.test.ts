// Every CI system's claims against rules that must admit its tokens and rules that must not: from the file to the judgement.
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { Judgement } from '../../../../services/relay/gate/needs.ts';
import { policyJudge } from '../../../../services/relay/gate/policy-judge.ts';
import { proofCheckOf } from '../../../../services/relay/gate/proof-check.ts';
import { ClusterKey } from '../../../../services/relay/hop/cluster-key.ts';
import { hasClaim, KNOWN_ISSUERS, knownIssuerOf } from '../../../../services/relay/identity/known-issuers.ts';
import type { IssuerGet } from '../../../../services/relay/identity/oidc/issuer-get.ts';
import { TokenCheck } from '../../../../services/relay/identity/oidc/token-check.ts';
import { readPolicy } from '../../../../services/relay/policy/file/read-policy.ts';
import type { AgentRule } from '../../../../services/relay/policy/policy.ts';
import {
  BUILDKITE_CLAIMS,
  CIRCLECI_CLAIMS,
  CIRCLECI_ORGANISATION,
  type ClaimSet,
  GITHUB_CLAIMS,
  GITLAB_CLAIMS,
  GITLAB_FORK_CLAIMS,
} from '../../../support/relay/issuer-claims.ts';
import { makeIssuerKey, signToken } from '../../../support/relay/test-issuer.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const AUDIENCE = 'https://converge.example.com';
const NOW = 1_800_000_000_000;
const KEY = makeIssuerKey('key');
/** Claims that say whose a token is not, and that every one of them has. */
const STANDARD = ['jti', 'sub', 'nbf'];

type Match = Readonly<Record<string, string | readonly string[]>>;

interface System {
  /** As a rule names it. */
  readonly issuer: string;
  readonly claims: ClaimSet;
  readonly ids: string;
  /** What `ids` gives to the token of these claims. */
  readonly id: string;
  /** These admit it. */
  readonly fits: readonly Match[];
  /** These do not, with what differs from the claims above. */
  readonly misses: readonly (readonly [Match, ClaimSet])[];
  /** These are no rules. */
  readonly faulty: readonly Match[];
}

const CIRCLE = 'oidc.circleci.com';
const PROJECT = { [`${CIRCLE}/project-id`]: '3a2f5b1c-7d4e-4f6a-9b8c-0d1e2f3a4b5c' };
const TOOLS = { namespace_path: 'acme/tools' };
const ACME = { repository_owner: 'acme' };
const SLUG = { organization_slug: 'acme' };

const SYSTEMS: Readonly<Record<string, System>> = {
  'GitHub Actions': {
    issuer: 'github',
    claims: GITHUB_CLAIMS,
    ids: 'gh.{repository}.{run_id}.*',
    id: 'gh.acme__app.16123456789.test',
    fits: [
      ACME,
      { repository: 'acme/app' },
      { repository: ['acme/lib', 'acme/app'], ref: 'refs/heads/*' },
      { repository_owner_id: '4242', repository_id: '987654' },
      { enterprise: 'acme-corp', event_name: ['push', 'schedule'] },
      { ...ACME, ref_protected: 'true', runner_environment: 'github-hosted' },
      { ...ACME, job_workflow_ref: 'acme/workflows/.github/workflows/*@refs/heads/main' },
    ],
    misses: [
      [{ repository_owner: 'acm' }, {}],
      [{ repository_owner: 'Acme' }, {}],
      [ACME, { repository_owner: 'acme-evil', repository: 'acme-evil/app' }],
      [ACME, { repository_owner: 'ACME' }],
      [ACME, { repository_owner: undefined }],
      [ACME, { repository_owner: ['acme'] }],
      [ACME, { repository_owner: { acme: true } }],
      [ACME, { repository_owner: 'acme ' }],
      [ACME, { repository_owner: 'acme\u0000' }],
      [ACME, { repository_owner: 'acme\nevil' }],
      [ACME, { repository_owner: '*' }],
      [{ repository: 'acme/app' }, { repository: 'acme/app2' }],
      [{ repository: 'acme/app' }, { repository: 'acme/*' }],
      [
        { ...ACME, ref: 'refs/heads/*' },
        { ref: 'refs/pull/7/merge', event_name: 'pull_request' },
      ],
      [{ ...ACME, ref: 'refs/heads/*' }, { ref: 'x/refs/heads/main' }],
      [{ ...ACME, ref: 'refs/heads/main' }, { ref: 'refs/heads/main2' }],
      [{ ...ACME, ref: 'refs/heads/main' }, { ref: 'refs/heads/mai*' }],
      [{ ...ACME, ref: 'refs/heads/main' }, { ref: undefined }],
      [{ ...ACME, environment: 'production' }, {}],
      [{ repository_id: '987654' }, { repository_id: '9876540' }],
    ],
    faulty: [
      { ref: 'refs/heads/main' },
      { repository_owner: '*' },
      { repository_owner: 'acme*' },
      { repository: 'acme/*' },
      { ...ACME, sub: 'repo:acme/app:ref:refs/heads/main' },
      { ...ACME, aud: AUDIENCE },
      { ...ACME, environment: 'prod*' },
      { ...ACME, ref: '*' },
      { ...ACME, refs: 'refs/heads/main' },
      { ...ACME, job_workflow_ref: '*/build.yml@refs/heads/main' },
    ],
  },
  GitLab: {
    issuer: 'gitlab',
    claims: GITLAB_CLAIMS,
    ids: 'gl.{project_path}.{job_id}',
    id: 'gl.acme__tools__app.302',
    fits: [
      TOOLS,
      { project_path: 'acme/tools/app' },
      { project_id: '20', ref_path: 'refs/heads/*' },
      { namespace_id: '72', ref: ['main', 'release/*'], ref_protected: 'true' },
      { ...TOOLS, runner_id: '1' },
      { ...TOOLS, job_project_path: 'acme/tools/app' },
    ],
    misses: [
      [{ namespace_path: 'acme' }, {}],
      [TOOLS, { namespace_path: 'acme/tools2' }],
      [TOOLS, { namespace_path: 'acme/tools/sub' }],
      // A merge request from a fork, which runs in the project itself.
      [{ project_path: 'acme/tools/app' }, GITLAB_FORK_CLAIMS],
      [{ project_id: '20' }, GITLAB_FORK_CLAIMS],
      [{ ...TOOLS, job_project_path: 'acme/tools/app' }, GITLAB_FORK_CLAIMS],
      [{ project_id: '20' }, { project_id: '201' }],
      [{ project_id: '20' }, { project_id: ['20'] }],
      [{ ...TOOLS, ref_protected: 'true' }, { ref_protected: 'false' }],
      [{ ...TOOLS, ref: 'main' }, { ref: 'main\u0000' }],
      [{ ...TOOLS, runner_id: '1' }, { runner_id: 10 }],
    ],
    faulty: [
      { job_project_path: 'acme/tools/app' },
      { job_namespace_id: '72' },
      { user_login: 'ada' },
      { ...TOOLS, groups_direct: 'acme/tools' },
      { ...TOOLS, user_identities: '1001' },
      { namespace_path: 'acme/*' },
      { project_path: 'acme/tools/*' },
      { repository: 'acme/app' },
    ],
  },
  CircleCI: {
    issuer: `circleci:${CIRCLECI_ORGANISATION}`,
    claims: CIRCLECI_CLAIMS,
    ids: `cci.{${CIRCLE}/project-id}.{${CIRCLE}/job-id}`,
    id: 'cci.3a2f5b1c-7d4e-4f6a-9b8c-0d1e2f3a4b5c.1f2e3d4c-5b6a-4978-8695-a4b3c2d1e0f9',
    fits: [
      PROJECT,
      { [`${CIRCLE}/org-id`]: CIRCLECI_ORGANISATION },
      { [`${CIRCLE}/vcs-origin`]: 'github.com/acme/app', [`${CIRCLE}/vcs-ref`]: 'refs/heads/*' },
      { ...PROJECT, [`${CIRCLE}/ssh-rerun`]: 'false' },
    ],
    misses: [
      [{ ...PROJECT, [`${CIRCLE}/ssh-rerun`]: 'false' }, { [`${CIRCLE}/ssh-rerun`]: true }],
      [
        { [`${CIRCLE}/vcs-origin`]: 'github.com/acme/app' },
        { [`${CIRCLE}/vcs-origin`]: 'github.com/mallory/app' },
      ],
      // A pipeline by a webhook has none.
      [{ [`${CIRCLE}/vcs-origin`]: 'github.com/acme/app' }, { [`${CIRCLE}/vcs-origin`]: undefined }],
      [PROJECT, { [`${CIRCLE}/project-id`]: '3A2F5B1C-7D4E-4F6A-9B8C-0D1E2F3A4B5C' }],
      [PROJECT, { iss: 'https://oidc.circleci.com/org/00000000-6eb2-4c85-8a81-d9ee6a1d8bd3' }],
      [PROJECT, { iss: 'https://oidc.circleci.com/org' }],
    ],
    faulty: [
      { [`${CIRCLE}/vcs-ref`]: 'refs/heads/main' },
      { ...PROJECT, [`${CIRCLE}/context-ids`]: '7b6a5c4d-3e2f-4a1b-8c9d-0e1f2a3b4c5d' },
      { [`${CIRCLE}/vcs-origin`]: 'github.com/acme/*' },
    ],
  },
  Buildkite: {
    issuer: 'buildkite',
    claims: BUILDKITE_CLAIMS,
    ids: 'bk.{organization_slug}.{pipeline_slug}.{build_number}.*',
    id: 'bk.acme.app.5.test',
    fits: [
      SLUG,
      { organization_id: '0184990a-477b-4fa8-9968-496074483c77', pipeline_slug: 'app' },
      { pipeline_id: '0184990a-4782-42b5-afc1-16715b10b110', build_branch: ['main', 'release/*'] },
      { ...SLUG, build_number: '5' },
      { ...SLUG, 'agent_tag:queue': 'default' },
    ],
    misses: [
      [SLUG, { organization_slug: 'acme-inc' }],
      [SLUG, { organization_slug: null }],
      [{ ...SLUG, build_tag: 'null' }, {}],
      [{ ...SLUG, build_tag: 'v*' }, {}],
      [{ ...SLUG, build_number: '5' }, { build_number: 50 }],
      [{ ...SLUG, build_branch: 'release/*' }, { build_branch: 'release' }],
      [{ ...SLUG, pipeline_slug: 'app' }, { pipeline_slug: 'app-fork' }],
    ],
    faulty: [{ pipeline_slug: 'app' }, { build_branch: 'main' }, { organization_slug: 'acme*' }],
  },
};

const clock = new ManualClock(NOW);

/** Stands for every issuer: each has the same key. */
const everyIssuer: IssuerGet = (url) => {
  const [issuer, end] = url.href.split('/.well-known/');
  const answer = end === 'jwks' ? { keys: [KEY.jwk] } : { issuer, jwks_uri: `${issuer}/.well-known/jwks` };
  return Promise.resolve({ kind: 'answered', body: JSON.stringify(answer), headers: {} });
};

function read({ issuer, ids }: System, match: Match) {
  const file = { audience: AUDIENCE, agents: [{ name: 'rule', issuer, match, ids }] };
  return readPolicy(Buffer.from(stringify(file)), { audience: undefined, now: NOW });
}

/** What a relay with one rule of this match says to whoever shows a token with `claims` and wants `id`. */
async function judge(
  system: System,
  match: Match,
  claims: ClaimSet = {},
  id = system.id,
): Promise<Judgement<AgentRule>> {
  const reading = read(system, match);
  if (reading.kind === 'faulty') throw new Error(JSON.stringify(reading.faults));
  const { policy } = reading;
  const iss = knownIssuerOf(system.issuer)?.url;
  const token = await signToken({ iss, aud: AUDIENCE, ...system.claims, ...claims }, KEY, NOW);
  const ci = new TokenCheck({
    clock,
    get: everyIssuer,
    recorder: { keysFetched: () => undefined },
    log: { warn: () => undefined },
  });
  const asking = { role: 'agent', id, claimHash: 'claim', address: '192.0.2.1' } as const;
  const check = proofCheckOf({ seal: new ClusterKey(['secret']), clock, ci });
  const verdict = await check.check({ kind: 'oidc', token }, asking, policy);
  return verdict.kind === 'refused' ? verdict : policyJudge.agent(policy, verdict.identity, asking, NOW);
}

function namesOf(system: System): string[] {
  return Object.keys(system.claims).filter((claim) => !STANDARD.includes(claim));
}

test('there is a token of every CI system that is known', () => {
  const tried = Object.values(SYSTEMS).map(({ issuer }) => knownIssuerOf(issuer)?.issuer.name);
  expect(tried).toEqual(KNOWN_ISSUERS.map(({ name }) => name));
});

describe.each(Object.entries(SYSTEMS))('%s', (_name, system) => {
  test('every claim of its token is known, and none is sub', () => {
    const issuer = knownIssuerOf(system.issuer)?.issuer;
    if (issuer === undefined) throw new Error('unknown');
    expect(namesOf(system).filter((claim) => !hasClaim(issuer, claim))).toEqual([]);
    expect(hasClaim(issuer, 'sub')).toBe(false);
    expect(issuer.owners.filter((claim) => issuer.globs.includes(claim))).toEqual([]);
    for (const claim of [...issuer.owners, ...issuer.globs, ...issuer.lists])
      expect(issuer.claims).toContain(claim);
    const lists = namesOf(system).filter(
      (claim) => typeof system.claims[claim] === 'object' && system.claims[claim] !== null,
    );
    expect(issuer.lists).toEqual(expect.arrayContaining(lists));
  });

  test.each(system.fits.map((match) => [match]))('admits by %j', async (match) => {
    expect(await judge(system, match)).toMatchObject({
      kind: 'admitted',
      admittance: { rule: 'rule', kind: 'oidc' },
    });
  });

  test.each(system.misses)('does not admit by %j where %j', async (match, claims) => {
    const verdict = await judge(system, match, claims);
    if (verdict.kind === 'admitted') throw new Error('admitted');
    const code =
      'iss' in claims ? 'token_unknown_issuer' : expect.stringMatching(/^(?:not_admitted|token_bad_claims)$/);
    expect(verdict.code).toEqual(code);
  });

  test.each(system.faulty.map((match) => [match]))('takes no rule with %j', (match) => {
    expect(read(system, match)).toHaveProperty('kind', 'faulty');
  });

  test('by any of its owners it admits, and without each of them in the token it does not', async () => {
    const { owners } = knownIssuerOf(system.issuer)?.issuer ?? { owners: [] };
    const own = owners.filter((claim) => typeof system.claims[claim] === 'string');
    expect(own.length).toBeGreaterThan(1);
    for (const claim of own) {
      const match = { [claim]: system.claims[claim] as string };
      expect(await judge(system, match)).toHaveProperty('kind', 'admitted');
      for (const other of [undefined, null, '', 7, true, [system.claims[claim]], `${match[claim]}x`])
        expect(await judge(system, match, { [claim]: other })).toHaveProperty('kind', 'refused');
    }
  });

  test('gives its own ID and not that of another', async () => {
    const [match = {}] = system.fits;
    for (const id of [`x${system.id}`, system.id.replace('.', '.x'), system.id.toUpperCase(), 'job'])
      expect(await judge(system, match, {}, id)).toHaveProperty('code', 'id_not_allowed');
  });
});
