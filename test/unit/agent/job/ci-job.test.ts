// CI detection from the environments that the providers document.
import { describe, expect, test } from 'vitest';
import { isValidId } from '#shared/protocol/paths.ts';
import { makeAgentId, makePassword } from '../../../../services/agent/access/random-token.ts';
import { detectCiJob } from '../../../../services/agent/job/ci-job.ts';
import { annotationFrom, refusalAnnotationFrom } from '../../../../services/agent/notices/annotation.ts';
import type { Environment } from '../../../../services/shared/machine/environment.ts';

const ENVIRONMENTS: [Environment, [provider: string, job: string, url: string | undefined]][] = [
  [
    {
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_REPOSITORY: 'a/b',
      GITHUB_RUN_ID: '7',
      GITHUB_WORKFLOW: 'ci',
      GITHUB_JOB: 'build',
    },
    ['github', 'a/b / ci / build', 'https://github.com/a/b/actions/runs/7'],
  ],
  [
    {
      CI: 'true',
      GITLAB_CI: 'true',
      CI_PROJECT_PATH: 'a/b',
      CI_JOB_NAME: 'test',
      CI_JOB_URL: 'https://g/-/jobs/1',
    },
    ['gitlab', 'a/b / test', 'https://g/-/jobs/1'],
  ],
  [
    { JENKINS_URL: 'https://j/', BUILD_NUMBER: '5', JOB_NAME: 'a/main', BUILD_URL: 'https://j/job/a/5/' },
    ['jenkins', 'a/main / #5', 'https://j/job/a/5/'],
  ],
  [
    {
      CIRCLECI: 'true',
      CIRCLE_PROJECT_REPONAME: 'b',
      CIRCLE_JOB: 'test',
      CIRCLE_BUILD_NUM: '9',
      CIRCLE_BUILD_URL: 'https://c/9',
    },
    ['circleci', 'b / test / #9', 'https://c/9'],
  ],
  [
    {
      BUILDKITE: 'true',
      BUILDKITE_PIPELINE_SLUG: 'p',
      BUILDKITE_BUILD_NUMBER: '3',
      BUILDKITE_BUILD_URL: 'https://b/3',
      BUILDKITE_JOB_ID: 'u',
    },
    ['buildkite', 'p / #3', 'https://b/3#u'],
  ],
  [
    { TRAVIS: 'true', TRAVIS_REPO_SLUG: 'a/b', TRAVIS_JOB_NUMBER: '4.1', TRAVIS_JOB_WEB_URL: 'https://t/4' },
    ['travis', 'a/b / #4.1', 'https://t/4'],
  ],
  [
    {
      TF_BUILD: 'True',
      BUILD_DEFINITIONNAME: 'd',
      SYSTEM_JOBDISPLAYNAME: 'Job',
      SYSTEM_COLLECTIONURI: 'https://dev.azure.com/o/',
      SYSTEM_TEAMPROJECT: 'my project',
      BUILD_BUILDID: '12',
    },
    ['azure', 'd / Job', 'https://dev.azure.com/o/my%20project/_build/results?buildId=12'],
  ],
  [
    { BITBUCKET_BUILD_NUMBER: '2', BITBUCKET_REPO_FULL_NAME: 'a/b' },
    ['bitbucket', 'a/b / #2', 'https://bitbucket.org/a/b/pipelines/results/2'],
  ],
  [
    {
      CI: 'woodpecker',
      CI_REPO: 'a/b',
      CI_WORKFLOW_NAME: 'w',
      CI_PIPELINE_NUMBER: '6',
      CI_PIPELINE_URL: 'https://w/6',
    },
    ['woodpecker', 'a/b / w / #6', 'https://w/6'],
  ],
  [{ DRONE: 'true', DRONE_REPO: 'a/b', DRONE_BUILD_NUMBER: '6' }, ['drone', 'a/b / #6', undefined]],
  [
    {
      TEAMCITY_VERSION: '2026.1',
      TEAMCITY_PROJECT_NAME: 'P',
      TEAMCITY_BUILDCONF_NAME: 'B',
      BUILD_NUMBER: '8',
    },
    ['teamcity', 'P / B / #8', undefined],
  ],
];

describe('CI detection', () => {
  test.each(ENVIRONMENTS)('knows %j', (env, [provider, job, url]) => {
    const found = detectCiJob(env);
    expect([found?.provider, found?.job?.toString(), found?.url]).toEqual([provider, job, url]);
  });

  test('finds nothing on a laptop', () => {
    expect(detectCiJob({ HOME: '/home/me', JENKINS_URL: 'https://j/' })).toBeUndefined();
  });

  test('does without what is missing, and takes no URL that is none', () => {
    expect(detectCiJob({ GITLAB_CI: 'true', CI_JOB_URL: 'javascript:alert(1)' })).toEqual({
      provider: 'gitlab',
      name: 'GitLab CI',
      job: undefined,
      url: undefined,
    });
  });
});

describe('annotations', () => {
  test('put the command on the summary page of a GitHub run, in one escaped line', () => {
    expect(annotationFrom('github', 'ssh 100%\n##[x]::y::z')).toEqual([
      String.raw`::notice title=Converge::This job is open for SSH: ssh 100%25\n#\u{23}[x]:\u{3a}y:\u{3a}z (how to enter: in the log of this step)`,
    ]);
  });

  test('put a refusal there as an error, in one line that commands nothing else', () => {
    expect(refusalAnnotationFrom('github', 'relay refused: no\r\n::error::x 50%')).toEqual([
      String.raw`::error title=Converge::This job is not open for SSH: relay refused: no\r\n:\u{3a}error:\u{3a}x 50%25`,
    ]);
  });

  test('shows a refusal on Azure as a warning, and lets no relay give another order', () => {
    expect(refusalAnnotationFrom('azure', 'no\n##vso[task.complete result=Failed;]x')).toEqual([
      String.raw`##vso[task.logissue type=warning]This job is not open for SSH: no\n#\u{23}vso[task.complete result=Failed;]x`,
    ]);
    expect(annotationFrom('azure', 'ssh x')).toEqual([]);
  });

  test('are left out elsewhere', () => {
    expect(refusalAnnotationFrom('gitlab', 'no')).toEqual([]);
    expect(annotationFrom('gitlab', 'ssh x')).toEqual([]);
    expect(annotationFrom(undefined, 'ssh x')).toEqual([]);
  });
});

describe('random tokens', () => {
  test('fit the ID grammar and differ', () => {
    const ids = new Set(Array.from({ length: 1_000 }, makeAgentId));
    expect(ids.size).toBe(1_000);
    for (const id of ids) {
      expect(isValidId(id)).toBe(true);
      expect(id).toMatch(/^[a-z2-7]{26}$/);
    }
    expect(makePassword()).toMatch(/^[a-z2-7]{20}$/);
  });
});
