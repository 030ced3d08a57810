// The CI job that the agent runs in, as far as its environment shows.
import type { Environment } from '#shared/machine/environment.ts';
import { Untrusted } from '#shared/text/untrusted.ts';

export type CiProvider =
  | 'github'
  | 'gitlab'
  | 'jenkins'
  | 'circleci'
  | 'buildkite'
  | 'travis'
  | 'azure'
  | 'bitbucket'
  | 'woodpecker'
  | 'drone'
  | 'teamcity';

/** The job, as far as its CI system says. */
export interface CiJob {
  readonly provider: CiProvider;
  /** The provider's own spelling of its name. */
  readonly name: string;
  /** Project, job and number, as far as known; strangers choose some of it in a pull request. */
  readonly job: Untrusted | undefined;
  /** The job's page, an http(s) URL. */
  readonly url: string | undefined;
}

interface Detector {
  readonly provider: CiProvider;
  readonly name: string;
  readonly isHere: (env: Environment) => boolean;
  readonly job: (env: Environment) => string;
  readonly url: (env: Environment) => string | undefined;
}

/** In order: the first that is here wins. Each is known by the variable that its documentation names for this. */
const DETECTORS: readonly Detector[] = [
  {
    provider: 'github',
    name: 'GitHub Actions',
    isHere: (env) => env['GITHUB_ACTIONS'] === 'true',
    job: (env) => words(env['GITHUB_REPOSITORY'], env['GITHUB_WORKFLOW'], env['GITHUB_JOB']),
    url: (env) =>
      path(env['GITHUB_SERVER_URL'], env['GITHUB_REPOSITORY'], 'actions/runs', env['GITHUB_RUN_ID']),
  },
  {
    provider: 'gitlab',
    name: 'GitLab CI',
    isHere: (env) => env['GITLAB_CI'] === 'true',
    job: (env) => words(env['CI_PROJECT_PATH'], env['CI_JOB_NAME']),
    url: (env) => env['CI_JOB_URL'],
  },
  {
    provider: 'circleci',
    name: 'CircleCI',
    isHere: (env) => env['CIRCLECI'] === 'true',
    job: (env) => words(env['CIRCLE_PROJECT_REPONAME'], env['CIRCLE_JOB'], numbered(env['CIRCLE_BUILD_NUM'])),
    url: (env) => env['CIRCLE_BUILD_URL'],
  },
  {
    provider: 'buildkite',
    name: 'Buildkite',
    isHere: (env) => env['BUILDKITE'] === 'true',
    job: (env) =>
      words(env['BUILDKITE_PIPELINE_SLUG'], env['BUILDKITE_LABEL'], numbered(env['BUILDKITE_BUILD_NUMBER'])),
    url: (env) => {
      const build = env['BUILDKITE_BUILD_URL'];
      const job = env['BUILDKITE_JOB_ID'];
      return build !== undefined && job !== undefined ? `${build}#${job}` : build;
    },
  },
  {
    provider: 'travis',
    name: 'Travis CI',
    isHere: (env) => env['TRAVIS'] === 'true',
    job: (env) => words(env['TRAVIS_REPO_SLUG'], numbered(env['TRAVIS_JOB_NUMBER'])),
    url: (env) => env['TRAVIS_JOB_WEB_URL'],
  },
  {
    provider: 'azure',
    name: 'Azure Pipelines',
    // The agent sets "True"; scripts are seen to lower-case it.
    isHere: (env) => env['TF_BUILD']?.toLowerCase() === 'true',
    job: (env) =>
      words(env['BUILD_DEFINITIONNAME'], env['SYSTEM_JOBDISPLAYNAME'], numbered(env['BUILD_BUILDNUMBER'])),
    url: (env) => azureUrl(env),
  },
  {
    provider: 'bitbucket',
    name: 'Bitbucket Pipelines',
    isHere: (env) => isSet(env['BITBUCKET_BUILD_NUMBER']),
    job: (env) => words(env['BITBUCKET_REPO_FULL_NAME'], numbered(env['BITBUCKET_BUILD_NUMBER'])),
    url: (env) =>
      path(
        'https://bitbucket.org',
        env['BITBUCKET_REPO_FULL_NAME'],
        'pipelines/results',
        env['BITBUCKET_BUILD_NUMBER'],
      ),
  },
  {
    provider: 'woodpecker',
    name: 'Woodpecker CI',
    isHere: (env) => env['CI'] === 'woodpecker',
    job: (env) => words(env['CI_REPO'], env['CI_WORKFLOW_NAME'], numbered(env['CI_PIPELINE_NUMBER'])),
    url: (env) => env['CI_PIPELINE_URL'],
  },
  {
    provider: 'drone',
    name: 'Drone',
    isHere: (env) => env['DRONE'] === 'true',
    job: (env) => words(env['DRONE_REPO'], env['DRONE_STEP_NAME'], numbered(env['DRONE_BUILD_NUMBER'])),
    url: (env) => env['DRONE_BUILD_LINK'],
  },
  {
    provider: 'teamcity',
    name: 'TeamCity',
    isHere: (env) => isSet(env['TEAMCITY_VERSION']),
    job: (env) =>
      words(env['TEAMCITY_PROJECT_NAME'], env['TEAMCITY_BUILDCONF_NAME'], numbered(env['BUILD_NUMBER'])),
    url: (env) => env['BUILD_URL'],
  },
  {
    provider: 'jenkins',
    name: 'Jenkins',
    // JENKINS_URL is set on every agent; BUILD_URL only inside a build.
    isHere: (env) => isSet(env['JENKINS_URL']) && isSet(env['BUILD_NUMBER']),
    job: (env) => words(env['JOB_NAME'], numbered(env['BUILD_NUMBER'])),
    url: (env) => env['BUILD_URL'],
  },
];

/** The job around us; undefined outside of the systems that are known. */
export function detectCiJob(env: Environment): CiJob | undefined {
  const detector = DETECTORS.find(({ isHere }) => isHere(env));
  if (detector === undefined) return undefined;
  const job = detector.job(env);
  const url = detector.url(env);
  return {
    provider: detector.provider,
    name: detector.name,
    job: job === '' ? undefined : new Untrusted(job),
    url: url !== undefined && /^https?:\/\//.test(url) ? url : undefined,
  };
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}

function words(...parts: (string | undefined)[]): string {
  return parts.filter(isSet).join(' / ');
}

function numbered(value: string | undefined): string | undefined {
  return isSet(value) ? `#${value}` : undefined;
}

function path(...parts: (string | undefined)[]): string | undefined {
  return parts.every(isSet) ? parts.join('/') : undefined;
}

function azureUrl(env: Environment): string | undefined {
  const project = path(env['SYSTEM_COLLECTIONURI']?.replace(/\/$/, ''), env['SYSTEM_TEAMPROJECT']);
  const build = env['BUILD_BUILDID'];
  if (project === undefined || !isSet(build)) return undefined;
  return `${project.replaceAll(' ', '%20')}/_build/results?buildId=${build}`;
}
