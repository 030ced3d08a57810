// A project on GitLab: a repository with the component in it, and gitlab-ci-local, which reads and runs it as GitLab does.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../../../deploy/build/source-tree.ts';
import type { CiStep } from './step.ts';

const run = promisify(execFile);
const PROGRAM = join(ROOT, 'node_modules/gitlab-ci-local/dist/index.js');

export interface GitlabProject {
  readonly folder: string;
  /** One job of it, run by the shell executor. */
  readonly step: CiStep;
}

/** `inputs` are those of the component, `script` is the job's; both as in YAML. */
export async function makeGitlabProject(
  below: string,
  inputs: Readonly<Record<string, string>>,
  script: readonly string[],
): Promise<GitlabProject> {
  const folder = await mkdtemp(join(below, 'project-'));
  await mkdir(join(folder, 'templates'));
  await cp(join(ROOT, 'deploy/ci/gitlab/templates/converge.yml'), join(folder, 'templates/converge.yml'));
  // JSON is YAML.
  const pipeline = {
    include: [{ local: 'templates/converge.yml', inputs }],
    test: { extends: '.converge', script },
  };
  await writeFile(join(folder, '.gitlab-ci.yml'), JSON.stringify(pipeline));
  const git = async (...args: string[]) => await run('git', ['-C', folder, ...args]);
  await git('init', '-q', '-b', 'main');
  await git('config', 'user.name', 'Jane');
  await git('config', 'user.email', 'jane@shop.example');
  await git('remote', 'add', 'origin', 'git@gitlab.example:acme/shop.git');
  await git('add', '.');
  await git('commit', '-qm', 'first');
  await git('update-ref', 'refs/remotes/origin/main', 'HEAD');
  await git('symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/main');
  const command = [process.execPath, PROGRAM, '--home', '.home', '--shell-executor-no-image', 'test'];
  return { folder, step: { command: command as [string, ...string[]], env: { HOME: folder } } };
}
