// The files for Jenkins, run by Groovy 2.4 with steps that run for real, against a real relay and a stand-in for the agent.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { JENKINS_LIBRARY, libraryBuild, pipelineBuild } from '../../support/ci/jenkins-build.ts';
import { runStep, type StepOutcome } from '../../support/ci/run-step.ts';
import { makeStubDownloads } from '../../support/ci/stub-agent.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { type RunningRelay, startRelay } from '../../support/relay/relay.ts';

let folder: string;
let relay: RunningRelay;
let origin: string;
let workspace: string;

beforeAll(async () => {
  await ensureCommands(['curl', 'groovy', 'java']);
  folder = await realpath(await mkdtemp(join(tmpdir(), 'converge-jenkins-')));
  relay = await startRelay({ downloads: await makeStubDownloads(folder) });
  origin = `http://127.0.0.1:${relay.port}`;
});
afterAll(async () => {
  await relay?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  workspace = join(await mkdtemp(join(folder, 'job-')), 'workspace');
  await mkdir(workspace);
});

async function build(
  options: Readonly<Record<string, unknown>>,
  command = 'echo made > file; exit 42',
  env: Readonly<Record<string, string>> = {},
): Promise<StepOutcome> {
  const step = await libraryBuild(workspace, options, command);
  return await runStep(step, { folder, path: undefined, env });
}

describe('converge { … }', () => {
  test('opens the door in the workspace, and fails as the body does', async () => {
    const { code, stdout } = await build({ relay: origin, allow: 'github:jane', maxLifetime: '1h' });
    expect(stdout).toContain('stub <run> <--> <sh> <-c>');
    expect(stdout).toContain('stub allow=<github:jane>\nstub lifetime=<1h>\n');
    expect(stdout).toContain(`stub here=<${workspace}>`);
    expect(stdout).toContain('ERROR: script returned exit code 42\nFinished: FAILURE\n');
    expect(code).toBe(1);
    expect(existsSync(join(workspace, 'file'))).toBe(true);
  });

  test('goes on after `converge continue`, and fails after `converge fail`', async () => {
    const went = await build({ relay: origin, allow: 'continue' });
    expect(went.stdout).toContain('this goes on as a success');
    expect(went.code).toBe(0);
    expect((await build({ relay: origin, allow: 'fail-7' })).stdout).toContain('Finished: FAILURE');
  });

  test('asks nobody where the body succeeds, and is not in the way of a build that is cancelled', async () => {
    expect(await build({ relay: 'http://127.0.0.1:9' }, 'true')).toMatchObject({
      code: 0,
      stdout: 'Finished: SUCCESS\n',
    });
    const { stdout } = await build({ relay: origin }, 'kill -TERM $$');
    expect(stdout).not.toContain('stub');
    expect(stdout).toContain('Finished: ABORTED');
  });

  test.each([
    ['no relay', {}],
    ['a relay that does not answer', { relay: 'http://127.0.0.1:9' }],
  ])('with %s the build fails as it would', async (_, options) => {
    const { stdout, stderr } = await build(options);
    expect(stdout).toContain('ERROR: script returned exit code 42\nFinished: FAILURE\n');
    expect(stderr).toContain('converge: no door: cannot get ');
  });

  test('lets a password in where nobody is named, and nobody where the name is empty', async () => {
    expect((await build({ relay: origin })).stdout).toContain('stub allow=<unset>');
    for (const allow of ['', null])
      expect((await build({ relay: origin, allow })).stdout).toContain('stub allow=<>');
  });
});

describe('the block of post', () => {
  async function run(file: string): Promise<StepOutcome> {
    const path = join(folder, 'Jenkinsfile');
    await writeFile(
      path,
      file.replace('https://RELAY', origin).replace('make test', 'echo made > file; exit 42'),
    );
    return await runStep(await pipelineBuild(workspace, path), { folder, path: undefined, env: {} });
  }

  test('comes before the workspace is cleaned', async () => {
    const { code, stdout } = await run(await readFile(join(JENKINS_LIBRARY, 'Jenkinsfile'), 'utf8'));
    expect(stdout).toMatch(/^stub <--max-lifetime> <2h>$/m);
    expect(stdout.indexOf('stub here=')).toBeLessThan(stdout.indexOf('cleanWs'));
    expect(stdout).toMatch(/cleanWs\nFinished: FAILURE\n$/);
    expect(code).toBe(1);
  });

  test('opens an empty workspace where `always` cleans it, as README says', async () => {
    const file = await readFile(join(JENKINS_LIBRARY, 'Jenkinsfile'), 'utf8');
    const { stdout } = await run(file.replace('cleanup {', 'always {'));
    expect(stdout.indexOf('cleanWs')).toBeLessThan(stdout.indexOf('stub here='));
  });
});
