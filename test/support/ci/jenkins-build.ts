// Jenkins: a build in Groovy, with the files of deploy/ci/jenkins and steps that run for real.
import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findCommand } from '../../../deploy/build/debian-packages.ts';
import { ROOT } from '../../../deploy/build/source-tree.ts';
import { ensureCommands } from '../machine/test-commands.ts';
import type { CiStep } from './step.ts';

const HARNESS = join(ROOT, 'test/support/ci/jenkins');

/** The folder with `vars` and `resources`. */
export const JENKINS_LIBRARY = join(ROOT, 'deploy/ci/jenkins');

/** Debian's Groovy is 2.4, as Jenkins' own; it wants to be told where Java is. */
async function groovy(args: readonly string[]): Promise<CiStep> {
  await ensureCommands(['java', 'groovy']);
  const java = await realpath(findCommand('java') ?? 'java');
  const command = ['groovy', '-cp', HARNESS, join(HARNESS, 'build.groovy'), ...args] as const;
  return { command: [...command], env: { JAVA_HOME: dirname(dirname(java)) } };
}

/** `converge(options) { sh command }` in this workspace. */
export async function libraryBuild(
  workspace: string,
  options: Readonly<Record<string, unknown>>,
  command: string,
): Promise<CiStep> {
  return await groovy(['library', workspace, JENKINS_LIBRARY, JSON.stringify(options), command]);
}

/** The Jenkinsfile at `path`. */
export async function pipelineBuild(workspace: string, path: string): Promise<CiStep> {
  return await groovy(['pipeline', workspace, path]);
}
