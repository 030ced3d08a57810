// GitLab's component, read, checked against GitLab's schema and run by gitlab-ci-local, with a stand-in for the agent.
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeGitlabProject } from '../../support/ci/gitlab-project.ts';
import { runStep, type StepOutcome } from '../../support/ci/run-step.ts';
import { makeStubDownloads } from '../../support/ci/stub-agent.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { type RunningRelay, startRelay } from '../../support/relay/relay.ts';

const FAILING = ['export LATE=yes', 'mkdir -p deep && cd deep', '(exit 42)', 'echo never'];

let folder: string;
let relay: RunningRelay;
let origin: string;

beforeAll(async () => {
  await ensureCommands(['curl', 'git']);
  folder = await realpath(await mkdtemp(join(tmpdir(), 'converge-gitlab-')));
  relay = await startRelay({ downloads: await makeStubDownloads(folder) });
  origin = `http://127.0.0.1:${relay.port}`;
});
afterAll(async () => {
  await relay?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function runJob(inputs: Readonly<Record<string, string>>, script = FAILING): Promise<StepOutcome> {
  const project = await makeGitlabProject(folder, { relay: origin, ...inputs }, script);
  return await runStep(project.step, { folder: project.folder, path: undefined, env: {} });
}

test('is what GitLab takes, and a job that fails opens the door where it stands', async () => {
  const { code, stdout, stderr } = await runJob({});
  const said = stdout + stderr;
  expect(said).toContain('json schema validated');
  expect(said).toContain('stub <run> <--> <sh> <-c>');
  expect(said).toMatch(/stub here=<.*\/deep>/);
  // Whoever started the pipeline, at that GitLab; gitlab-ci-local takes the name from git.
  expect(said).toContain('stub allow=<https://gitlab.example/jane.keys>');
  expect(said).toContain('stub lifetime=<2h>');
  expect(said).not.toContain('never');
  expect(said).toMatch(/FAIL(\S*) 42/);
  expect(code).toBe(1);
});

test('`converge continue` makes it a success', async () => {
  const { code, stdout } = await runJob({ allow: 'continue' });
  expect(code).toBe(0);
  expect(stdout).toContain('PASS');
});

test('a job that succeeds, and a relay that does not answer', async () => {
  const quiet = await runJob({ relay: 'http://127.0.0.1:9' }, ['echo done']);
  expect(quiet.code).toBe(0);
  expect(quiet.stdout + quiet.stderr).not.toContain('no door');
  const lost = await runJob({ relay: 'http://127.0.0.1:9' });
  expect(lost.stdout + lost.stderr).toContain(
    'no door: cannot get http://127.0.0.1:9/docs/agent.sh; the job ends with 42',
  );
  expect(lost.code).toBe(1);
});

test.each(['https://relay.example/', 'relay.example', 'https://relay.example/x y'])(
  'refuses %s as a relay before anything runs',
  async (relayInput) => {
    const { code, stdout, stderr } = await runJob({ relay: relayInput });
    expect(code).toBe(1);
    expect(stdout + stderr).toMatch(/relay/);
    expect(stdout + stderr).not.toContain('stub');
  },
);
