// What tokens of CI systems say: the claims of each, in the types in which its documentation shows them, for a job of `acme`.
// The standard ones (`iss`, `aud`, times) are added when a token is signed; `sub` is there to be ignored.

export type ClaimSet = Readonly<Record<string, unknown>>;

/**
 * https://docs.github.com/en/actions/reference/security/oidc, "OIDC token claims", and the sample token of
 * https://docs.github.com/en/actions/concepts/security/openid-connect. Numbers are texts. Tokens of a pull request have no
 * branch as `ref`; those without an environment, an enterprise or a reusable workflow have no such claims, or empty ones.
 */
export const GITHUB_CLAIMS: ClaimSet = {
  jti: '6b1b1a9c-8d3e-4f57-9a57-6f6d6f6a7a11',
  sub: 'repo:acme@4242/app@987654:ref:refs/heads/main',
  ref: 'refs/heads/main',
  sha: '2f1d3c4b5a69788796a5b4c3d2e1f00112233445',
  repository: 'acme/app',
  repository_owner: 'acme',
  repository_owner_id: '4242',
  run_id: '16123456789',
  run_number: '310',
  run_attempt: '2',
  repository_visibility: 'private',
  repository_id: '987654',
  actor_id: '1001',
  actor: 'ada',
  workflow: 'ci',
  head_ref: '',
  base_ref: '',
  event_name: 'push',
  enterprise: 'acme-corp',
  enterprise_id: '77',
  ref_protected: 'true',
  ref_type: 'branch',
  workflow_ref: 'acme/app/.github/workflows/ci.yml@refs/heads/main',
  workflow_sha: '2f1d3c4b5a69788796a5b4c3d2e1f00112233445',
  job_workflow_ref: 'acme/workflows/.github/workflows/build.yml@refs/heads/main',
  job_workflow_sha: '9988776655443322110099887766554433221100',
  runner_environment: 'github-hosted',
  check_run_id: '45678901234',
};

/**
 * https://docs.gitlab.com/ci/secrets/id_token_authentication, "Token payload". IDs are texts but for the runner's; booleans are
 * texts; some claims are lists and objects.
 */
export const GITLAB_CLAIMS: ClaimSet = {
  jti: 'b0c7d7c2-6f5d-4b0a-8c55-9a1f0c1d2e3f',
  sub: 'project_path:acme/tools/app:ref_type:branch:ref:main',
  namespace_id: '72',
  namespace_path: 'acme/tools',
  project_id: '20',
  project_path: 'acme/tools/app',
  user_id: '1',
  user_login: 'ada',
  user_email: 'ada@acme.example',
  user_access_level: 'developer',
  user_identities: [{ provider: 'github', extern_uid: '1001' }],
  job_project_id: '20',
  job_project_path: 'acme/tools/app',
  job_namespace_id: '72',
  job_namespace_path: 'acme/tools',
  pipeline_id: '574',
  pipeline_source: 'push',
  job_id: '302',
  job_source: 'push',
  job_config: { url: 'https://gitlab.com/acme/policies/-/blob/main/policy.yml', sha: 'ab035e64' },
  ref: 'main',
  ref_type: 'branch',
  ref_path: 'refs/heads/main',
  ref_protected: 'true',
  groups_direct: ['acme/tools', 'acme/people'],
  environment: 'staging',
  environment_protected: 'false',
  deployment_tier: 'staging',
  environment_action: 'start',
  runner_id: 1,
  runner_environment: 'gitlab-hosted',
  sha: '714a629c0b401fdce83e847fc9589983fc6f46bc',
  project_visibility: 'private',
  ci_config_ref_uri: 'gitlab.com/acme/tools/app//.gitlab-ci.yml@refs/heads/main',
  ci_config_sha: '714a629c0b401fdce83e847fc9589983fc6f46bc',
};

/**
 * The same for the pipeline of a merge request from a fork that runs in the parent project: `project_…`, `namespace_…` and
 * `ref…` are the fork's since 18.2.2 (https://gitlab.com/gitlab-org/gitlab/-/issues/561735), `job_…` the parent's since 18.4
 * (https://gitlab.com/gitlab-org/gitlab/-/issues/563038).
 */
export const GITLAB_FORK_CLAIMS: ClaimSet = {
  ...GITLAB_CLAIMS,
  sub: 'project_path:mallory/app:ref_type:branch:ref:main',
  namespace_id: '666',
  namespace_path: 'mallory',
  project_id: '667',
  project_path: 'mallory/app',
  pipeline_source: 'merge_request_event',
  ref_protected: 'false',
};

export const CIRCLECI_ORGANISATION = 'c9035eb6-6eb2-4c85-8a81-d9ee6a1d8bd3';

/**
 * https://circleci.com/docs/openid-connect-tokens, "Format of the OpenID Connect ID token", and
 * https://discuss.circleci.com/t/new-oidc-custom-claims/54214. There is no `nbf` and no `jti`; one claim is a list, one a boolean.
 */
export const CIRCLECI_CLAIMS: ClaimSet = {
  sub: `org/${CIRCLECI_ORGANISATION}/project/3a2f5b1c-7d4e-4f6a-9b8c-0d1e2f3a4b5c/user/5e6f7a8b-9c0d-4e1f-a2b3-c4d5e6f7a8b9`,
  nbf: undefined,
  'oidc.circleci.com/org-id': CIRCLECI_ORGANISATION,
  'oidc.circleci.com/project-id': '3a2f5b1c-7d4e-4f6a-9b8c-0d1e2f3a4b5c',
  'oidc.circleci.com/context-ids': ['7b6a5c4d-3e2f-4a1b-8c9d-0e1f2a3b4c5d'],
  'oidc.circleci.com/job-id': '1f2e3d4c-5b6a-4978-8695-a4b3c2d1e0f9',
  'oidc.circleci.com/workflow-id': '0f1e2d3c-4b5a-4968-8796-a5b4c3d2e1f0',
  'oidc.circleci.com/pipeline-id': '9f8e7d6c-5b4a-4c3d-8e2f-1a0b9c8d7e6f',
  'oidc.circleci.com/pipeline-definition-id': '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
  'oidc.circleci.com/ssh-rerun': false,
  'oidc.circleci.com/vcs-origin': 'github.com/acme/app',
  'oidc.circleci.com/vcs-ref': 'refs/heads/main',
};

/**
 * https://buildkite.com/docs/agent/cli/reference/oidc, "Claims", "Optional claims" (`--claim organization_id,pipeline_id`), and a
 * token that came from it (https://github.com/rubygems/rubygems.org/issues/5412): what is not set is null, a build has a number.
 */
export const BUILDKITE_CLAIMS: ClaimSet = {
  jti: '0194b014-8517-7cef-b232-76a827315f08',
  sub: 'organization:acme:pipeline:app:ref:refs/heads/main:commit:b5ffe3aeea51cec6c41aef16e45ee6bce47d8810:step:',
  organization_slug: 'acme',
  organization_id: '0184990a-477b-4fa8-9968-496074483c77',
  pipeline_slug: 'app',
  pipeline_id: '0184990a-4782-42b5-afc1-16715b10b110',
  build_number: 5,
  build_branch: 'main',
  build_tag: null,
  build_commit: 'b5ffe3aeea51cec6c41aef16e45ee6bce47d8810',
  step_key: null,
  job_id: '01945ecf-80f0-41e8-9b83-a2970a9305a1',
  agent_id: '01945ecf-8bcf-40a6-9d70-a765db9a0928',
  build_source: 'ui',
  runner_environment: 'buildkite-hosted',
  'agent_tag:queue': 'default',
};
