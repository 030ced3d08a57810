// The name of a background agent: how the steps of one job find the same one, from whatever directory.
import { createHash } from 'node:crypto';
import type { Environment } from '#shared/machine/environment.ts';
import { type CiProvider, detectCiJob } from '../job/ci-job.ts';

/** In place of a job's own name, where no CI system is known. */
export const DEFAULT_JOB_NAME = 'default';

/** Of the digest of what a job is called by, in hex digits: enough that no two jobs of a machine meet. */
const DIGEST_DIGITS = 16;

/**
 * The variables that together are one job's alone, the same in all of its steps. Several jobs of one user may run on a machine at
 * a time: where a system numbers runs only, the runner or the place in its matrix is in the list too.
 */
const JOB_VARIABLES: Readonly<Record<CiProvider, readonly string[]>> = {
  github: ['GITHUB_REPOSITORY', 'GITHUB_RUN_ID', 'GITHUB_RUN_ATTEMPT', 'GITHUB_JOB', 'RUNNER_NAME'],
  gitlab: ['CI_SERVER_URL', 'CI_JOB_ID'],
  circleci: ['CIRCLE_WORKFLOW_JOB_ID', 'CIRCLE_BUILD_URL', 'CIRCLE_NODE_INDEX'],
  buildkite: ['BUILDKITE_JOB_ID'],
  travis: ['TRAVIS_REPO_SLUG', 'TRAVIS_JOB_ID'],
  azure: ['SYSTEM_COLLECTIONURI', 'BUILD_BUILDID', 'SYSTEM_JOBID', 'SYSTEM_JOBATTEMPT'],
  bitbucket: ['BITBUCKET_REPO_FULL_NAME', 'BITBUCKET_BUILD_NUMBER', 'BITBUCKET_STEP_UUID'],
  woodpecker: ['CI_REPO', 'CI_PIPELINE_NUMBER', 'CI_WORKFLOW_NUMBER', 'CI_WORKFLOW_NAME'],
  drone: ['DRONE_REPO', 'DRONE_BUILD_NUMBER', 'DRONE_STAGE_NUMBER'],
  teamcity: ['TEAMCITY_PROJECT_NAME', 'TEAMCITY_BUILDCONF_NAME', 'BUILD_NUMBER'],
  jenkins: ['JENKINS_URL', 'JOB_NAME', 'BUILD_NUMBER', 'NODE_NAME', 'EXECUTOR_NUMBER'],
};

/** What this job is called where nobody named the agent: after the variables of its CI system, else `default`. */
export function jobNameFrom(env: Environment): string {
  const job = detectCiJob(env);
  if (job === undefined) return DEFAULT_JOB_NAME;
  const words = JOB_VARIABLES[job.provider].map((name) => env[name] ?? '');
  return `${job.provider}-${digestOf(words.join('\n'))}`;
}

/** The name as a file's, short enough for the address of a socket. */
export function claimFileNameOf(jobName: string): string {
  return digestOf(jobName);
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, DIGEST_DIGITS);
}
