// The files of deploy/ci: their shapes, the lines that they share, and what they choose for people who choose nothing.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readDoors, replaceDoor } from '../../../deploy/build/pages/ci-door.ts';
import { ROOT } from '../../../deploy/build/source-tree.ts';
import { readPlugin } from '../../support/ci/buildkite.ts';
import { readCiText, readCiYaml, readShaped } from '../../support/ci/ci-file.ts';
import { readOrb } from '../../support/ci/circleci.ts';
import { GITLAB, readComponent } from '../../support/ci/gitlab.ts';
import { JOB, TASK, TASK_RUN, WORKFLOW, WORKFLOW_TEMPLATE } from '../../support/ci/kubernetes.ts';
import { SYSTEMS } from '../../support/ci/systems.ts';

const CI_FOLDER = join(ROOT, 'deploy/ci');
const DOOR = readCiText('door.sh');
/** A README that is no screen is not read. */
const MAX_README_LINES = 60;
const SECONDS_PER_HOUR = 3_600;

/** Those of this repository's hands; others may stand beside them. */
const FOLDERS = [
  'argo',
  'azure',
  'buildkite',
  'circleci',
  'docker',
  'gitlab',
  'jenkins',
  'kubernetes',
  'tekton',
  'woodpecker',
];

describe('the door', () => {
  test('is the same in every file that has it', () => {
    const doors = readDoors();
    const names = doors.map(({ path }) => path.slice(CI_FOLDER.length + 1)).sort();
    expect(names).toEqual([
      'argo/workflow-template.yaml',
      'azure/converge.yml',
      'buildkite/door.sh',
      'circleci/orb.yml',
      'gitlab/templates/converge.yml',
      'jenkins/resources/converge/door.sh',
      'kubernetes/job.yaml',
      'tekton/task.yaml',
      'woodpecker/woodpecker.yml',
    ]);
    for (const { path, text, wanted } of doors) expect(text, `npm run pages: ${path}`).toBe(wanted);
  });

  test('is nowhere in part: a copy that lost its first or its last line is none that is compared', () => {
    const parts = readdirSync(CI_FOLDER, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .filter((path) =>
        /\bconverge_(?:get|digest|refuse|end)\b/.test(replaceDoor(readFileSync(path, 'utf8'), '')),
      );
    expect(parts).toEqual([]);
  });

  test('is written as far to the right as it stands, and nothing beside it is touched', () => {
    const old = 'a:\n  # The door of Converge: old\n  old\n\n'.replace(
      '\n\n',
      `\n  trap 'converge_end "$?"' EXIT\n`,
    );
    expect(replaceDoor(`${old}  b\n`, 'x\ny\n')).toBe('a:\n  x\n  y\n  b\n');
    expect(replaceDoor('  # The door of Converge: no end\n', 'x')).toBe('  # The door of Converge: no end\n');
  });

  // Woodpecker and Drone, Kubernetes, Argo, CircleCI, GitLab, Tekton, Azure.
  test.each(['${', '$$', '{{', '<<', '$[', '$(params', '$(workspaces', '##vso', '\t'])(
    'has no %s, which a system would take for its own',
    (words) => expect(DOOR).not.toContain(words),
  );

  test('has no variable in parentheses, which a kubelet and Azure would put in', () => {
    expect(DOOR).not.toMatch(/\$\([\w.-]+\)/);
  });
});

describe('the shapes', () => {
  test('are those of the systems, with nothing that they do not know', () => {
    readComponent();
    readOrb();
    readPlugin();
    readShaped('tekton/task.yaml', TASK);
    readShaped('tekton/taskrun.yaml', TASK_RUN);
    readShaped('argo/workflow-template.yaml', WORKFLOW_TEMPLATE);
    readShaped('argo/workflow.yaml', WORKFLOW);
    readShaped('kubernetes/job.yaml', JOB);
    readShaped('kubernetes/job-without-shell.yaml', JOB);
    readShaped('kubernetes/job-sidecar.yaml', JOB);
    for (const { stepOf } of SYSTEMS)
      stepOf({ relay: 'https://relay.example', command: 'make', shell: ['sh'] });
  });

  test('GitLab’s token is for the relay, and for nobody else', () => {
    const { env } = GITLAB.stepOf({ relay: 'https://relay.example', command: 'make', shell: ['sh'] });
    expect(env['CONVERGE_ID_TOKEN']).toBe('token-for-https://relay.example');
  });

  test('the examples use inputs and parameters that there are, and give all that have no default', () => {
    const run = readShaped('tekton/taskrun.yaml', TASK_RUN).spec;
    const { params } = readShaped('tekton/task.yaml', TASK).spec;
    expectGiven(
      run.params.map(({ name }) => name),
      params.map((param) => [param.name, param.default]),
    );
    const [{ inputs }] = readShaped('argo/workflow-template.yaml', WORKFLOW_TEMPLATE).spec.templates;
    const [template] = readShaped('argo/workflow.yaml', WORKFLOW).spec.templates;
    const step = template?.steps[0]?.[0];
    expectGiven(
      step?.arguments.parameters.map(({ name }) => name) ?? [],
      inputs.parameters.map(({ name, value }) => [name, value]),
    );
    const { commands, examples } = readOrb();
    for (const { usage } of Object.values(examples))
      for (const given of usage.jobs['test']?.steps ?? [])
        if (typeof given !== 'string')
          for (const [name, values] of Object.entries(given)) {
            const command = commands[name.replace('converge/', '') as keyof typeof commands];
            if (name === 'run') continue;
            const declared = Object.entries(command.parameters);
            expectGiven(
              Object.keys(values as object),
              declared.map(([key, value]) => [key, value.default]),
            );
          }
    const [example] = readCiYaml('gitlab/example.gitlab-ci.yml') as [{ include: [{ inputs: object }] }];
    const declared = Object.entries(readComponent().inputs);
    expectGiven(
      Object.keys(example.include[0].inputs),
      declared.map(([key, value]) => [key, value.default]),
    );
  });

  function expectGiven(
    given: readonly string[],
    declared: readonly (readonly [string, string | undefined])[],
  ) {
    expect(declared.map(([name]) => name)).toEqual(expect.arrayContaining([...given]));
    const needed = declared.flatMap(([name, fallback]) => (fallback === undefined ? [name] : []));
    expect(given).toEqual(expect.arrayContaining(needed));
  }
});

describe('who chooses nothing', () => {
  test('gets an ID that nobody can guess', () => {
    for (const { name, stepOf } of SYSTEMS) {
      const { env } = stepOf({ relay: 'https://relay.example', command: 'make', shell: ['sh'] });
      expect(env['CONVERGE_ID'] ?? '', name).toBe('');
      expect(env['CONVERGE_URL'], name).toBeUndefined();
    }
  });

  test('gets two hours, and the system gives the job longer than that', () => {
    expect(readComponent().inputs['max-lifetime']?.default).toBe('2h');
    expect(readComponent().inputs['job-timeout']?.default).toBe('3h');
    const { commands } = readOrb();
    for (const { parameters } of Object.values(commands)) {
      expect(parameters['max-lifetime']?.default).toBe('2h');
      expect(parameters['no-output-timeout']?.default).toBe('130m');
    }
    for (const file of [
      'kubernetes/job.yaml',
      'kubernetes/job-without-shell.yaml',
      'kubernetes/job-sidecar.yaml',
    ]) {
      const { activeDeadlineSeconds } = readShaped(file, JOB).spec;
      expect(activeDeadlineSeconds).toBeGreaterThanOrEqual(3 * SECONDS_PER_HOUR);
      expect(readCiText(file)).toMatch(/CONVERGE_MAX_LIFETIME\n\s+value: 2h/);
    }
    expect(readShaped('tekton/taskrun.yaml', TASK_RUN).spec.timeout).toBe('3h');
  });
});

/** The image has agents for both processors of Linux, and for other systems. */
test.each(['kubernetes/job-without-shell.yaml', 'kubernetes/job-sidecar.yaml'])(
  '%s takes the agent of its own processor out of the image',
  (file) => {
    const folder = mkdtempSync(join(tmpdir(), 'ci-image-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const place of ['bin', 'converge']) mkdirSync(join(folder, place));
    for (const platform of ['linux-x64', 'linux-arm64', 'windows-x64.exe'])
      writeFileSync(join(folder, 'bin', `agent-${platform}`), `#!/bin/sh\necho ${platform} "$@"\n`, {
        mode: 0o755,
      });
    const { initContainers = [] } = readShaped(file, JOB).spec.template.spec;
    const [sh = '', ...words] = initContainers[0]?.command ?? [];
    const args = words.map((word) =>
      word.replace('/app/dist/bin/', `${folder}/bin/`).replace(' /converge/', ` ${folder}/converge/`),
    );
    const started = execFileSync(sh, args, { encoding: 'utf8' });
    const copy = join(folder, 'converge/agent');
    const said = existsSync(copy) ? execFileSync(copy, { encoding: 'utf8' }) : started;
    expect(said).toBe(`linux-${process.arch}\n`);
  },
);

test.each(FOLDERS)('%s has a README of one screen', (name) => {
  const path = join(CI_FOLDER, name, 'README.md');
  expect(existsSync(path)).toBe(true);
  const lines = readFileSync(path, 'utf8').split('\n');
  expect(lines.length).toBeLessThanOrEqual(MAX_README_LINES);
  for (const heading of ['## Who may come in', '## What was run']) expect(lines).toContain(heading);
});

test('every folder is looked at here, but that of GitHub', () => {
  const folders = readdirSync(CI_FOLDER, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const names = folders.map(({ name }) => name).filter((name) => name !== 'github');
  expect(names.sort()).toEqual(FOLDERS);
});
