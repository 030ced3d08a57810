// The environment of a job as its CI system makes it, with an issuer of the test behind: variables, and commands on PATH.
import { chmod, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { SYSTEM_PATH, type World } from '../laptop/world.ts';
import type { ClaimSet } from '../relay/issuer-claims.ts';
import { answerJson, type TestIssuer } from '../relay/test-issuer.ts';

export type JobEnvironment = Readonly<Record<string, string>>;

/** What the runner of GitHub Actions gives a job with `id-token: write`. */
const RUNNER_SECRET = 'secret-of-the-runner';

let jobs = 0;

/** GitHub Actions: the issuer gives a token to whoever asks with the runner's secret, for this audience and no other. */
export async function githubEnvironment(
  issuer: TestIssuer,
  audience: string,
  claims: ClaimSet,
): Promise<JobEnvironment> {
  jobs += 1;
  const path = `/token/${jobs}?api-version=2.0`;
  const value = await issuer.sign({ ...claims, aud: audience });
  issuer.pages.set(`${path}&audience=${encodeURIComponent(audience)}`, (request, response) => {
    if (request.headers.authorization === `Bearer ${RUNNER_SECRET}`)
      answerJson(response, { count: 1, value });
    else response.writeHead(401).end();
  });
  return {
    GITHUB_ACTIONS: 'true',
    GITHUB_REPOSITORY: String(claims['repository']),
    ACTIONS_ID_TOKEN_REQUEST_URL: `${issuer.url}${path}`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: RUNNER_SECRET,
  };
}

/** GitLab: `id_tokens:` of the job has made a variable. */
export async function gitlabEnvironment(
  issuer: TestIssuer,
  audience: string,
  claims: ClaimSet,
): Promise<JobEnvironment> {
  return { GITLAB_CI: 'true', CONVERGE_ID_TOKEN: await issuer.sign({ ...claims, aud: audience }) };
}

/** CircleCI: its command line is in every job. */
export async function circleciEnvironment(
  world: World,
  issuer: TestIssuer,
  audience: string,
  claims: ClaimSet,
): Promise<JobEnvironment> {
  const words = `run oidc get --claims {"aud":"${audience}"}`;
  const path = await commandThatPrints(
    world,
    'circleci',
    words,
    await issuer.sign({ ...claims, aud: audience }),
  );
  return { CIRCLECI: 'true', PATH: path };
}

/** Buildkite: so is its agent. */
export async function buildkiteEnvironment(
  world: World,
  issuer: TestIssuer,
  audience: string,
  claims: ClaimSet,
): Promise<JobEnvironment> {
  const words = `oidc request-token --audience ${audience}`;
  const token = await issuer.sign({ ...claims, aud: audience });
  return { BUILDKITE: 'true', PATH: await commandThatPrints(world, 'buildkite-agent', words, token) };
}

/** A PATH with a command on it that prints `token` if it is called with exactly these words. */
async function commandThatPrints(world: World, name: string, words: string, token: string): Promise<string> {
  const folder = await world.makeFolder('ci');
  const script = `#!/bin/sh\n[ "$*" = '${words}' ] || { echo "${name}: no such words" >&2; exit 64; }\necho '${token}'\n`;
  await writeFile(join(folder, name), script);
  await chmod(join(folder, name), 0o755);
  return [folder, SYSTEM_PATH].join(delimiter);
}
