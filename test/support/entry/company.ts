// A company: a relay whose policy has a rule for every kind of identity, and the jobs that it lets in.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { World } from '../laptop/world.ts';
import {
  BUILDKITE_CLAIMS,
  CIRCLECI_CLAIMS,
  CIRCLECI_ORGANISATION,
  GITHUB_CLAIMS,
  GITLAB_CLAIMS,
} from '../relay/issuer-claims.ts';
import { TestIssuer } from '../relay/test-issuer.ts';
import { makeKeyFile } from '../ssh/key-file.ts';
import {
  buildkiteEnvironment,
  circleciEnvironment,
  githubEnvironment,
  gitlabEnvironment,
  type JobEnvironment,
} from './ci-environment.ts';
import { openPolicyRelay, type PolicyRelay } from './policy-relay.ts';
import { type MadeToken, makeToken } from './relay-command.ts';

/** One job of the company, and by what it gets in. */
export interface CompanyJob {
  readonly id: string;
  readonly rule: string;
  readonly subject: string;
  readonly env: JobEnvironment;
  readonly args: readonly string[];
}

export const JOB_KINDS = ['github', 'gitlab', 'circleci', 'buildkite', 'token', 'key'] as const;
export type JobKind = (typeof JOB_KINDS)[number];

export type Issuers = Readonly<Record<'github' | 'gitlab' | 'circleci' | 'buildkite', TestIssuer>>;

export interface Company extends AsyncDisposable {
  readonly relay: PolicyRelay;
  readonly issuers: Issuers;
  /** A job that its policy lets in. */
  job(kind: JobKind): Promise<CompanyJob>;
}

/** Opens one. `clients` is that part of its policy, if it has one. */
export async function openCompany(
  world: World,
  clients = '',
  env: Readonly<Record<string, string>> = {},
): Promise<Company> {
  const issuers: Issuers = {
    github: await TestIssuer.start(),
    gitlab: await TestIssuer.start(),
    circleci: await TestIssuer.start(),
    buildkite: await TestIssuer.start(),
  };
  const token = await makeToken(world, 'jenkins-2026');
  const keyFile = join(await world.makeFolder('builder'), 'id_ed25519');
  await makeKeyFile(keyFile, 'ed25519', ['-C', 'builder-1']);
  const key = await readFile(`${keyFile}.pub`, 'utf8');
  const policy = (audience: string) => [
    `audience: ${audience}`,
    agentsText({ issuers, token, key }),
    clients,
    '',
  ];
  const relay = await openPolicyRelay(world, (audience) => policy(audience).join('\n'), env);

  async function envOf(kind: Exclude<JobKind, 'token' | 'key'>): Promise<JobEnvironment> {
    const { audience } = relay;
    switch (kind) {
      case 'github':
        return await githubEnvironment(issuers.github, audience, GITHUB_CLAIMS);
      case 'gitlab':
        return await gitlabEnvironment(issuers.gitlab, audience, GITLAB_CLAIMS);
      case 'circleci':
        return await circleciEnvironment(world, issuers.circleci, audience, CIRCLECI_CLAIMS);
      case 'buildkite':
        return await buildkiteEnvironment(world, issuers.buildkite, audience, BUILDKITE_CLAIMS);
    }
  }

  return {
    relay,
    issuers,
    async job(kind) {
      switch (kind) {
        case 'token':
          return { ...JOBS.token, env: { CONVERGE_TOKEN: token.secret }, args: [] };
        case 'key':
          return { ...JOBS.key, env: {}, args: ['--identity', 'key', '--identity-key', keyFile] };
        default:
          return { ...JOBS[kind], env: await envOf(kind), args: [] };
      }
    },
    async [Symbol.asyncDispose]() {
      for (const issuer of Object.values(issuers)) await issuer[Symbol.asyncDispose]();
    },
  };
}

const CIRCLECI_PROJECT = '3a2f5b1c-7d4e-4f6a-9b8c-0d1e2f3a4b5c';
const BUILDKITE_IDS = '0184990a-4782-42b5-afc1-16715b10b110.01945ecf-80f0-41e8-9b83-a2970a9305a1';

/** Which ID each asks for, and how the operator must see it. */
const JOBS: Readonly<Record<JobKind, Pick<CompanyJob, 'id' | 'rule' | 'subject'>>> = {
  github: { id: 'gh.acme__app.16123456789.1', rule: 'on-github', subject: 'acme/app, run 16123456789' },
  gitlab: { id: 'gl.20.302', rule: 'on-gitlab', subject: 'acme/tools/app, job 302' },
  circleci: {
    id: `cc.${CIRCLECI_PROJECT}.7`,
    rule: 'on-circleci',
    subject: `${CIRCLECI_PROJECT}, job 1f2e3d4c-5b6a-4978-8695-a4b3c2d1e0f9`,
  },
  buildkite: { id: `bk.${BUILDKITE_IDS}`, rule: 'on-buildkite', subject: 'acme/app, build 5' },
  token: { id: 'jenkins.app.1', rule: 'jenkins', subject: 'jenkins-2026' },
  key: { id: 'build.1', rule: 'builders', subject: 'SHA256:' },
};

/** The issuer of GitLab is out of reach: its keys stand in the file. */
function agentsText({
  issuers: { github, gitlab, circleci, buildkite },
  token,
  key,
}: {
  readonly issuers: Issuers;
  readonly token: MadeToken;
  readonly key: string;
}): string {
  return `issuers:
  ghes: { url: '${github.url}', like: github }
  corp: { url: '${gitlab.url}', like: gitlab, keys: ${JSON.stringify(gitlab.jwks)} }
  circle: { url: '${circleci.url}', like: circleci }
  kite: { url: '${buildkite.url}', like: buildkite }
agents:
  - name: on-github
    issuer: ghes
    match: { repository_owner_id: '4242', ref: refs/heads/* }
    ids: gh.{repository}.{run_id}.*
  - name: on-gitlab
    issuer: corp
    match: { namespace_path: acme/tools }
    ids: gl.{project_id}.{job_id}
  - name: on-circleci
    issuer: circle
    match: { oidc.circleci.com/org-id: ${CIRCLECI_ORGANISATION} }
    ids: cc.{oidc.circleci.com/project-id}.*
  - name: on-buildkite
    issuer: kite
    match: { organization_slug: acme }
    ids: bk.{pipeline_id}.{job_id}
  - name: jenkins
    tokens:
${token.lines.map((line) => `      ${line}`).join('\n')}
    ids: jenkins.*
  - name: builders
    keys: ['${key.trim()}']
    ids: build.*`;
}
