// "Who may come in" of deploy/README.md: every block of YAML read by what it is for, and every command given to its program.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '../../../deploy/build/source-tree.ts';
import { policyJudge } from '../../../services/relay/gate/policy-judge.ts';
import { addressFromPublicUrl } from '../../../services/relay/http/usage/own-address.ts';
import { renderPlainText } from '../../../services/relay/http/usage/plain-text.ts';
import type { Claims } from '../../../services/relay/identity/identity.ts';
import { KNOWN_ISSUERS } from '../../../services/relay/identity/known-issuers.ts';
import { readPolicy } from '../../../services/relay/policy/file/read-policy.ts';
import type { Policy } from '../../../services/relay/policy/policy.ts';
import { CHART } from '../../support/kubernetes/chart.ts';
import { offerOf } from '../../support/relay/offer.ts';

const NOW = Date.parse('2026-11-29T12:00:00Z');

const readme = await readFile(join(ROOT, 'deploy/README.md'), 'utf8');
const section = readme.slice(readme.indexOf('\n## Who may come in\n'), readme.indexOf('\n## Rotate\n'));
const blocks = [...section.matchAll(/^( *)```(yaml|sh)\n(.*?)^ *```$/gms)].map(
  ([, indent = '', language, text = '']) => ({
    language,
    text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }),
);
const yaml = blocks.filter(({ language }) => language === 'yaml').map(({ text }) => text);
const policies = yaml.filter((text) => /^(agents|clients):/m.test(text));
const snippets = yaml.filter((text) => !policies.includes(text));
const commands = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text);

function policyFrom(text: string): Policy {
  const reading = readPolicy(Buffer.from(text), { audience: undefined, now: NOW });
  if (reading.kind === 'faulty') throw new Error(JSON.stringify(reading.faults));
  expect(reading.warnings).toEqual([]);
  return reading.policy;
}

/** The policy that has a rule of this name. */
function policyWith(rule: string): Policy {
  const text = policies.find((each) => each.includes(`- name: ${rule}\n`));
  return policyFrom(text ?? '');
}

/** The rule by which the relay lets in a job with these claims for that ID; undefined: none. */
function ruleFor(policy: Policy, claims: Claims, id: string, address = '10.20.0.7'): string | undefined {
  const asking = { role: 'agent', id, claimHash: 'hash', address } as const;
  const issuer = typeof claims['iss'] === 'string' ? claims['iss'] : '';
  const judgement = policyJudge.agent(policy, { kind: 'oidc', issuer, claims }, asking, NOW);
  return judgement.kind === 'admitted' ? judgement.rule.name : undefined;
}

test('every policy is read without a fault and without a warning', () => {
  expect(policies).toHaveLength(5);
  for (const text of policies) policyFrom(text);
});

test('the three whole ones are those of the chart, to the letter', async () => {
  for (const name of ['github', 'gitlab', 'team']) {
    const set = parse(await readFile(join(CHART, `ci/policy-${name}-values.yaml`), 'utf8')) as {
      policy: { file: string };
    };
    expect(policies, name).toContain(set.policy.file);
  }
});

test.each(KNOWN_ISSUERS)('the table has the claims of $name', ({ name, owners, globs }) => {
  const listed = (claims: readonly string[]): string => claims.map((claim) => `\`${claim}\``).join(', ');
  expect(section).toContain(`\n| \`${name}\` | ${listed(owners)} | ${listed(globs)} |\n`);
});

describe('the policy for GitHub', () => {
  // docs.github.com/en/actions/reference/security/oidc, "OIDC token claims", with the names of the page.
  const job: Claims = {
    iss: 'https://token.actions.githubusercontent.com',
    jti: 'example-id',
    sub: 'repo:acme/my_app:ref:refs/heads/main',
    aud: 'https://converge.example.com',
    ref: 'refs/heads/main',
    sha: 'example-sha',
    repository: 'acme/my_app',
    repository_owner: 'acme',
    repository_owner_id: '1234567',
    repository_id: '74',
    repository_visibility: 'private',
    actor: 'octocat',
    actor_id: '12',
    run_id: '7010',
    run_number: '10',
    run_attempt: '2',
    runner_environment: 'github-hosted',
    workflow: 'example-workflow',
    job_workflow_ref: 'acme/automation/.github/workflows/oidc.yml@refs/heads/main',
    event_name: 'workflow_dispatch',
    ref_type: 'branch',
    head_ref: '',
    base_ref: '',
  };

  test('lets in the jobs of the company, each under its own IDs', () => {
    const policy = policyWith('acme');
    expect(ruleFor(policy, job, 'gh.74.7010.2-build-0')).toBe('acme');
    for (const id of [
      'gh.75.7010.2-build-0',
      'gh.74.7011.2-build-0',
      'gh.74.7010',
      'gh.74.70101',
      'deploy.74.7010.x',
      'x',
    ])
      expect(ruleFor(policy, job, id), id).toBeUndefined();
  });

  test('lets in nobody else, whatever the name', () => {
    const policy = policyWith('acme');
    const id = 'gh.74.7010.2-build-0';
    const others: Claims[] = [
      { ...job, repository_owner: 'mallory', repository: 'mallory/my_app', repository_owner_id: '666' },
      // An organisation that took the name when the company gave it up.
      { ...job, repository_owner_id: '666' },
      { ...job, repository_owner: ['acme'] },
      { ...job, iss: 'https://token.actions.githubusercontent.com/mallory' },
    ];
    for (const claims of others) expect(ruleFor(policy, claims, id)).toBeUndefined();
  });

  test('lets the release branches of two repositories deploy', () => {
    const policy = policyWith('deploys');
    const release = { ...job, repository: 'acme/shop', ref: 'refs/heads/release/2.1' };
    expect(ruleFor(policy, release, 'deploy.74.7010.x')).toBe('deploys');
    expect(ruleFor(policy, release, 'gh.74.7010.x')).toBe('acme');
    for (const ref of ['refs/heads/main', 'refs/tags/release/2.1', 'refs/heads/releases'])
      expect(ruleFor(policy, { ...release, ref }, 'deploy.74.7010.x'), ref).toBeUndefined();
    expect(ruleFor(policy, { ...release, repository: 'acme/shop2' }, 'deploy.74.7010.x')).toBeUndefined();
  });
});

describe('the policy for GitLab', () => {
  // docs.gitlab.com/ci/secrets/id_token_authentication, "Token payload", with the names of the page.
  const job: Claims = {
    iss: 'https://gitlab.corp.example',
    aud: 'https://converge.corp.example',
    sub: 'project_path:platform/tools/app:ref_type:branch:ref:main',
    namespace_id: '72',
    namespace_path: 'platform/tools',
    project_id: '20',
    project_path: 'platform/tools/app',
    user_id: '1',
    user_login: 'sample-user',
    pipeline_id: '574',
    pipeline_source: 'push',
    job_id: '302',
    ref: 'main',
    ref_type: 'branch',
    ref_path: 'refs/heads/main',
    ref_protected: 'true',
    groups_direct: ['platform', 'platform/tools'],
    runner_id: 1,
    runner_environment: 'self-hosted',
    project_visibility: 'internal',
  };

  test('lets in the jobs of two groups, each under its one ID', () => {
    const policy = policyWith('platform');
    expect(ruleFor(policy, job, 'gl.20.302')).toBe('platform');
    expect(ruleFor(policy, { ...job, ref: 'release-7' }, 'gl.20.302')).toBe('platform');
    for (const id of ['gl.20.303', 'gl.21.302', 'gl.20.302.x', 'gl.20.3020'])
      expect(ruleFor(policy, job, id), id).toBeUndefined();
    for (const claims of [
      { ...job, namespace_path: 'platform/tools/mine' },
      { ...job, namespace_path: 'platform-fans' },
      { ...job, ref: 'feature' },
      { ...job, iss: 'https://gitlab.com' },
    ])
      expect(ruleFor(policy, claims, 'gl.20.302')).toBeUndefined();
  });

  test('lets them in from the network of the runners only', () => {
    expect(ruleFor(policyWith('platform'), job, 'gl.20.302', '10.21.0.7')).toBeUndefined();
  });

  test('needs nothing from outside: its keys are in it', () => {
    const [rule] = policyWith('platform').agents ?? [];
    expect(rule?.proof.kind === 'oidc' && rule.proof.issuer.keys.kind).toBe('given');
  });
});

test('the last rule of a roll-out lets in every address there is, and a known one by its own rule', () => {
  const policy = policyFrom(policies.find((text) => text.includes('not-yet')) ?? '');
  for (const address of ['192.0.2.1', '10.0.0.1', '255.255.255.255', '2001:db8::1', 'fe80::1', '::1']) {
    const asking = { role: 'client', id: 'any', claimHash: '', address } as const;
    const judgement = policyJudge.client(policy, { kind: 'none' }, asking, NOW);
    expect(judgement.kind === 'admitted' && judgement.rule.name, address).toBe('not-yet');
  }
});

test('the rules for CircleCI and Buildkite let in one organisation, under IDs of its projects', () => {
  const policy = policyWith('buildkite');
  const organisation = '3fa85f64-5717-4562-b3fc-2c963f66afa6';
  const project = 'c124cca6-d03e-4733-b84d-32b02347b78c';
  // circleci.com/docs/openid-connect-tokens, "Format of the OpenID Connect ID token"
  const circleci: Claims = {
    iss: `https://oidc.circleci.com/org/${organisation}`,
    'oidc.circleci.com/org-id': organisation,
    'oidc.circleci.com/project-id': project,
    'oidc.circleci.com/context-ids': [],
  };
  expect(ruleFor(policy, circleci, `cc.${project}.any-0`)).toBe('circleci');
  expect(ruleFor(policy, circleci, `cc.${organisation}.any-0`)).toBeUndefined();
  const other = {
    ...circleci,
    iss: 'https://oidc.circleci.com/org/another',
    'oidc.circleci.com/org-id': 'another',
  };
  expect(ruleFor(policy, other, `cc.${project}.any-0`)).toBeUndefined();
  const job = '0184990a-477b-4fa8-9968-496074483cee';
  // buildkite.com/docs/agent/cli/reference/oidc, "Claims"
  const buildkite: Claims = {
    iss: 'https://agent.buildkite.com',
    organization_slug: 'acme',
    pipeline_slug: 'super-duper-app',
    pipeline_id: project,
    build_number: 1,
    build_branch: 'main',
    job_id: job,
    agent_id: '0184990a-4782-42b5-afc1-16715b10b8ff',
  };
  expect(ruleFor(policy, buildkite, `bk.${project}.${job}`)).toBe('buildkite');
  expect(ruleFor(policy, { ...buildkite, organization_slug: 'mallory' }, `bk.${project}.0`)).toBeUndefined();
});

test('what a job needs is what the page of the relay gives it', () => {
  const [github = '', gitlab = ''] = snippets;
  expect(snippets).toHaveLength(2);
  const page = renderPlainText({
    relay: addressFromPublicUrl('https://converge.corp.example'),
    id: undefined,
    offer: offerOf([]),
    entry: { agents: ['oidc'], clients: undefined, knowsNetworks: false },
  }).replaceAll(/^ {2}/gm, '');
  const { jobs } = parse(github) as { jobs: { build: { permissions: Record<string, string> } } };
  expect(jobs.build.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
  expect(page).toContain('permissions:\n  contents: read\n  id-token: write\n');
  const { build } = parse(gitlab) as { build: { id_tokens: Record<string, { aud: string }> } };
  expect(build.id_tokens).toEqual({ CONVERGE_ID_TOKEN: { aud: policyWith('platform').audience } });
  expect(page).toContain('id_tokens:\n  CONVERGE_ID_TOKEN:\n    aud: https://converge.corp.example\n');
});

test('the commands for certificates make an authority, a certificate and a revocation list that a policy takes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'converge-people-'));
  try {
    const own = "ssh-keygen -q -t ed25519 -N '' -f id_ed25519";
    // Nobody is there to be asked for a passphrase.
    const lines = commands
      .filter((text) => text.includes('ssh-keygen') || text.includes('revoked'))
      .join('')
      .replace('ssh-keygen -t', "ssh-keygen -q -N '' -t");
    const { stdout } = await promisify(execFile)('sh', ['-ec', `${own}\n${lines}`], { cwd: folder });
    const authority = (await readFile(join(folder, 'user_ca.pub'), 'utf8')).trim();
    const revoked = stdout.trim().split('\n').at(-1) ?? '';
    const clients = [
      {
        name: 'people',
        'certificate-authorities': [authority],
        principals: ['engineers'],
        'revoked-keys': revoked,
      },
    ];
    const { clients: [rule] = [] } = policyFrom(
      JSON.stringify({ audience: 'https://converge.example.com', clients }),
    );
    expect(rule?.proof).toMatchObject({
      kind: 'certificate',
      principals: ['engineers'],
      revoked: expect.anything(),
    });
    const shown = await promisify(execFile)('ssh-keygen', ['-L', '-f', 'id_ed25519-cert.pub'], {
      cwd: folder,
    });
    expect(shown.stdout).toMatch(/Key ID: "ada@example\.com"[\s\S]*Serial: 1\n[\s\S]*engineers\n\s*ada\n/);
    const asked = promisify(execFile)('ssh-keygen', ['-Q', '-f', 'revoked.krl', 'id_ed25519-cert.pub'], {
      cwd: folder,
    });
    await expect(asked).rejects.toMatchObject({ stdout: expect.stringContaining('REVOKED') });
  } finally {
    await rm(folder, { recursive: true });
  }
});
