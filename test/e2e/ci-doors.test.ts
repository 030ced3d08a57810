// The files of deploy/ci with the built agent: a job fails, somebody comes in by ssh, and says how it ends.
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readShaped } from '../support/ci/ci-file.ts';
import { makeGitlabProject } from '../support/ci/gitlab-project.ts';
import { libraryBuild } from '../support/ci/jenkins-build.ts';
import { JOB, KUBERNETES } from '../support/ci/kubernetes.ts';
import type { CiStep } from '../support/ci/step.ts';
import { CELLS } from '../support/ci/systems.ts';
import { visit } from '../support/ci/visitor.ts';
import { binary, SYSTEM_PATH, useWorld } from '../support/laptop/world.ts';
import { ensureCommands } from '../support/machine/test-commands.ts';
import type { E2eProcess } from '../support/process/started-process.ts';

const OWN_CODE = 42;
const FAILING = `mkdir deep && cd deep && export LATE=yes && (exit ${OWN_CODE})`;

/** What people say in there, by shell, so that all is said in each system. */
const WORDS: Readonly<Record<string, Readonly<{ say: string; code: number }>>> = {
  dash: { say: 'converge continue', code: 0 },
  bash: { say: 'converge end', code: OWN_CODE },
  busybox: { say: 'converge fail 7', code: 7 },
};

const world = useWorld(['busybox', 'curl', 'dash']);

/** In an almost empty environment: no HOME, no USER, no TERM. */
function startStep(name: string, step: CiStep, cwd: string): E2eProcess {
  const started = world.start(name, step.command, {
    cwd,
    env: { PATH: SYSTEM_PATH, SHLVL: '1', ...step.env },
  });
  started.child.stdin?.end(step.stdin ?? '');
  return started;
}

describe.concurrent.each(CELLS)('$name', ({ name, system, shell }) => {
  test('stock ssh comes in where the job failed, and what is said in there is how it ends', async () => {
    const folder = await world.makeFolder('job');
    const options = { allow: 'password' };
    const step = system.stepOf({ relay: world.relay.url, command: FAILING, shell, options });
    const job = startStep(name, step, folder);
    const visitor = await visit(world, job);
    const isInside = system.canContinue;
    const { say = '', code: wanted = 0 } = WORDS[shell[0]] ?? {};
    // The job ends when its last visitor leaves: all in one visit.
    const { stdout } = await visitor.ssh(`pwd; echo "late=$LATE"; ${say}`);
    expect(stdout).toContain(isInside ? `${join(folder, 'deep')}\nlate=yes\n` : `${folder}\nlate=\n`);
    const own = system.name === 'GitLab' && shell[0] === 'bash' ? 1 : OWN_CODE;
    const decided = wanted === OWN_CODE ? own : wanted;
    const ownStep = wanted === OWN_CODE ? 1 : wanted;
    const expected = system.canContinue ? decided : system.ownStep === true ? ownStep : OWN_CODE;
    expect((await job.exited).code).toBe(expected);
  });
});

test.each(CELLS.filter(({ system }) => system === KUBERNETES))(
  'a job that is cancelled, by a signal to its first process alone, lets go of who is in: $name',
  async ({ name, system, shell }) => {
    const folder = await world.makeFolder('job');
    const options = { allow: 'password' };
    const step = system.stepOf({ relay: world.relay.url, command: FAILING, shell, options });
    const job = startStep(name, step, folder);
    const visitor = await visit(world, job);
    const visiting = visitor.start('echo in; exec sleep 600');
    await visiting.see(/^in$/m);
    process.kill(job.child.pid ?? 0, 'SIGTERM');
    expect((await job.exited).code).not.toBe(0);
    await visiting.exited;
    expect(job.stdout).toMatch(/SIGTERM|cancel/i);
  },
);

test('GitLab, as gitlab-ci-local runs it', async () => {
  await ensureCommands(['git']);
  const below = await world.makeFolder('gitlab');
  const inputs = { relay: world.relay.url, allow: 'password' };
  const { folder, step } = await makeGitlabProject(below, inputs, ['mkdir deep', 'cd deep', '(exit 42)']);
  const job = startStep('gitlab-ci-local', step, folder);
  const visitor = await visit(world, job);
  expect((await visitor.ssh('pwd; converge continue')).stdout).toMatch(/\/deep\n/);
  expect((await job.exited).code).toBe(0);
  expect(job.stdout).toContain('PASS');
});

test('Jenkins, as Groovy runs the step of the library', async () => {
  const folder = await world.makeFolder('jenkins');
  const workspace = join(folder, 'workspace');
  const step = await libraryBuild(workspace, { relay: world.relay.url }, 'touch made; exit 42');
  const job = startStep('groovy', step, folder);
  const visitor = await visit(world, job);
  expect((await visitor.ssh('pwd; ls; converge continue')).stdout).toContain(`${workspace}\nmade\n`);
  expect((await job.exited).code).toBe(0);
  expect(job.stdout).toContain('this goes on as a success');
});

describe('a Job in an image that has nothing', () => {
  let words: readonly string[];
  beforeAll(() => {
    const [container] = readShaped('kubernetes/job-without-shell.yaml', JOB).spec.template.spec.containers;
    words = container.command;
  });

  test('runs its command by the agent, which opens the door when that fails', async () => {
    const folder = await world.makeFolder('job');
    const [program, ...options] = words;
    expect(program).toBe('/converge/agent');
    const command = [binary('agent'), ...options, '/bin/sh', '-c', `exit ${OWN_CODE}`] as [
      string,
      ...string[],
    ];
    const job = startStep(
      'agent run',
      { command, env: { CONVERGE_URL: `${world.relay.wsUrl}/agent` } },
      folder,
    );
    const visitor = await visit(world, job);
    expect((await visitor.ssh('pwd; converge end')).stdout).toContain(`${folder}\n`);
    expect((await job.exited).code).toBe(OWN_CODE);
  });
});
