// Who may not open a job: each stranger is told by which rules it was tried, and what of its own did not fit, where a person with a red build looks.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { githubEnvironment, gitlabEnvironment } from '../support/entry/ci-environment.ts';
import { type Company, openCompany } from '../support/entry/company.ts';
import { launchAgent } from '../support/laptop/job.ts';
import { makeKey } from '../support/laptop/laptop.ts';
import { useWorld } from '../support/laptop/world.ts';
import { GITHUB_CLAIMS, GITLAB_CLAIMS } from '../support/relay/issuer-claims.ts';
import { sshKeygen } from '../support/ssh/ssh-keygen.ts';

const world = useWorld();
let company: Company;
let host: string;

beforeAll(async () => {
  company = await openCompany(world);
  host = new URL(company.relay.url).host;
});
afterAll(() => company[Symbol.asyncDispose]());

interface Stranger {
  readonly id: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** What an agent said that was not let in. */
async function refusalOf({ id, env = {}, args = [] }: Stranger): Promise<{
  readonly line: string;
  readonly annotation: string;
}> {
  const { process } = await launchAgent(world, { relay: company.relay.url, id, env, args });
  const [said] = await process.see(/^agent: |open for SSH/m);
  expect(said).toBe('agent: ');
  expect(await process.exited).toEqual({ code: 4, signal: null });
  return { line: process.stderr, annotation: process.stdout };
}

describe.concurrent('outside of CI', () => {
  test('an agent with nothing reads all that would do', async () => {
    expect(await refusalOf({ id: 'jenkins.1' })).toEqual({
      line: `agent: ${host} asks agents who they are: an identity token is in jobs of GitHub Actions, GitLab, CircleCI and Buildkite only; CONVERGE_TOKEN is not set: whoever runs the relay gives out such tokens; no --identity-key FILE was given, and there is no ssh-agent (SSH_AUTH_SOCK)\n`,
      annotation: '',
    });
  });

  test('an agent with a token that nobody gave out reads so', async () => {
    expect(await refusalOf({ id: 'jenkins.1', env: { CONVERGE_TOKEN: 'cvg_guess' } })).toEqual({
      line: `agent: ${host} refused: no rule has this token (token_unknown)\n`,
      annotation: '',
    });
  });

  test('an agent with the right token and an ID of others reads which IDs its rule has', async () => {
    const { env } = await company.job('token');
    expect(await refusalOf({ id: 'build.1', env })).toEqual({
      line: `agent: ${host} refused: no rule admits this: rule jenkins does not, since the ID would have to be jenkins.* (id_not_allowed); the ID is build.1: end the URL with one that the relay allows\n`,
      annotation: '',
    });
  });

  test('an agent with a key that no rule has reads its fingerprint', async () => {
    const other = await makeKey(world);
    const { said } = await sshKeygen(['-lf', `${other.file}.pub`]);
    const { line } = await refusalOf({
      id: 'build.1',
      args: ['--identity', 'key', '--identity-key', other.file],
    });
    expect(line).toBe(`agent: ${host} refused: no rule has the key ${said.split(' ')[1]} (key_unknown)\n`);
  });
});

describe.concurrent('a job of GitHub Actions', () => {
  /** The same sentence twice: in the log, and where GitHub shows it on the page of the run. */
  function told(sentence: string) {
    return {
      line: `agent: ${sentence}\n`,
      annotation: `::error title=Converge::This job is not open for SSH: ${sentence}\n`,
    };
  }

  const github = (claims: Readonly<Record<string, unknown>>) =>
    githubEnvironment(company.issuers.github, company.relay.audience, { ...GITHUB_CLAIMS, ...claims });

  test('of another owner reads the rule and the claim', async () => {
    const env = await github({
      repository: 'mallory/app',
      repository_owner: 'mallory',
      repository_owner_id: '666',
    });
    expect(await refusalOf({ id: 'gh.mallory__app.16123456789.1', env })).toEqual(
      told(
        `${host} refused: no rule admits this: rule on-github does not, since repository_owner_id is "666" (not_admitted)`,
      ),
    );
  });

  test('on a tag reads that its ref is not what the rule wants', async () => {
    const env = await github({ ref: 'refs/tags/v1' });
    expect(await refusalOf({ id: 'gh.acme__app.16123456789.1', env })).toEqual(
      told(
        `${host} refused: no rule admits this: rule on-github does not, since ref is "refs/tags/v1" (not_admitted)`,
      ),
    );
  });

  test('that asks for the ID of another project reads which one it may have', async () => {
    const env = await github({ repository: 'acme/lib' });
    expect(await refusalOf({ id: 'gh.acme__app.16123456789.1', env })).toEqual(
      told(
        `${host} refused: no rule admits this: rule on-github does not, since the ID would have to be gh.acme__lib.16123456789.* (id_not_allowed); the ID is gh.acme__app.16123456789.1: end the URL with one that the relay allows`,
      ),
    );
  });

  test('without `id-token: write` reads what to write, and where', async () => {
    const env = { GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'acme/app' };
    expect(
      await refusalOf({ id: 'gh.acme__app.16123456789.1', env, args: ['--identity', 'github'] }),
    ).toEqual(
      told(
        `${host} asks agents who they are: GitHub gives this job no identity token: write \`permissions: { contents: read, id-token: write }\` into the job (a pull request from a fork gets none)`,
      ),
    );
  });
});

describe.concurrent('a job of GitLab', () => {
  test('whose token is for somebody else sends it nowhere, and reads what to write', async () => {
    const { issuers, relay } = company;
    const env = await gitlabEnvironment(issuers.gitlab, 'https://vault.example.com', GITLAB_CLAIMS);
    const { line } = await refusalOf({ id: 'gl.20.302', env, args: ['--identity', 'gitlab'] });
    expect(line).toBe(
      `agent: ${host} asks agents who they are: the identity token in CONVERGE_ID_TOKEN is for https://vault.example.com (its aud), and not for ${relay.audience}: write \`id_tokens: { CONVERGE_ID_TOKEN: { aud: "${relay.audience}" } }\` into the job in .gitlab-ci.yml\n`,
    );
  });

  test('of another group reads the rule and the claim', async () => {
    const claims = { ...GITLAB_CLAIMS, namespace_path: 'acme/tools/old' };
    const env = await gitlabEnvironment(company.issuers.gitlab, company.relay.audience, claims);
    const { line } = await refusalOf({ id: 'gl.20.302', env });
    expect(line).toBe(
      `agent: ${host} refused: no rule admits this: rule on-gitlab does not, since namespace_path is "acme/tools/old" (not_admitted)\n`,
    );
  });
});

test('each refusal is counted by its code', async () => {
  const counts = await Promise.all(
    ['token_unknown', 'key_unknown', 'id_not_allowed', 'not_admitted'].map((code) =>
      company.relay.relay.metric(`converge_refusals_total{code="${code}"}`),
    ),
  );
  expect(counts).toEqual([1, 1, 2, 3]);
});
