// Known issuers: the CI systems whose tokens the relay knows by name, and what each of their claims is worth.

/** What is known of an issuer's tokens. Names are as in its documentation. */
export interface KnownIssuer {
  /** As a rule names it. */
  readonly name: string;
  /** The claim `iss`; undefined where each organisation has one of its own, see `knownIssuerOf`. */
  readonly url: string | undefined;
  /** A rule must ask for at least one of these, exactly: without it, everybody at this CI system would match. */
  readonly owners: readonly string[];
  /** These may be matched by a glob: whoever matches the owner is free to choose them anyway. */
  readonly globs: readonly string[];
  /**
   * How many parts between slashes a glob must spell out, by claim: those name a repository, and it may be anybody's. None where
   * it is not here.
   */
  readonly spelledOut: Readonly<Record<string, number>>;
  /** Sets of claims; no two projects have the same values in all claims of a set, and nobody chooses them for another. */
  readonly projects: readonly (readonly string[])[];
  /** All the claims that its tokens can have, those that every JWT has aside. */
  readonly claims: readonly string[];
  /** Claims that begin so are its users' own to name. */
  readonly claimPrefixes: readonly string[];
  /** Those that are lists or objects, and so never match. */
  readonly lists: readonly string[];
}

/** Of CircleCI, before the organisation's UUID. */
const CIRCLECI_ISSUER = 'https://oidc.circleci.com/org/';
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * None has `sub` among its claims: GitHub has given it another form for whatever was made, renamed or moved after
 * 2026-07-15, GitLab's and GitHub's are the project's to choose, and what it says is in claims of its own.
 */
export const KNOWN_ISSUERS: readonly KnownIssuer[] = [
  {
    // https://docs.github.com/en/actions/reference/security/oidc, "OIDC token claims", and `claims_supported` of
    // https://token.actions.githubusercontent.com/.well-known/openid-configuration
    name: 'github',
    url: 'https://token.actions.githubusercontent.com',
    owners: [
      'enterprise',
      'enterprise_id',
      'repository',
      'repository_id',
      'repository_owner',
      'repository_owner_id',
    ],
    // Not `environment`: whoever may push makes a new one by naming it, and that one has no protection.
    globs: ['ref', 'base_ref', 'head_ref', 'job_workflow_ref', 'workflow_ref', 'workflow'],
    spelledOut: { job_workflow_ref: 2, workflow_ref: 2 },
    projects: [['repository'], ['repository_id'], ['run_id'], ['check_run_id']],
    claims: [
      'actor',
      'actor_id',
      'base_ref',
      'check_run_id',
      'enterprise',
      'enterprise_id',
      'environment',
      'environment_node_id',
      'event_name',
      'head_ref',
      'issuer_scope',
      'job_workflow_ref',
      'job_workflow_sha',
      'ref',
      'ref_protected',
      'ref_type',
      'repository',
      'repository_id',
      'repository_owner',
      'repository_owner_id',
      'repository_visibility',
      'run_attempt',
      'run_id',
      'run_number',
      'runner_environment',
      'sha',
      'workflow',
      'workflow_ref',
      'workflow_sha',
    ],
    claimPrefixes: ['repo_property_'],
    lists: [],
  },
  {
    // https://docs.gitlab.com/ci/secrets/id_token_authentication, "Token payload"; `source_…`:
    // https://gitlab.com/gitlab-org/gitlab/-/merge_requests/258245
    name: 'gitlab',
    url: 'https://gitlab.com',
    // In the pipeline of a merge request, `project_…` and `namespace_…` are where the code comes from, which may be a
    // fork; `job_project_…` and `job_namespace_…` are where it runs. So the latter own nothing: a rule may ask for them
    // besides, but by themselves they would let every fork in.
    owners: [
      'namespace_id',
      'namespace_path',
      'project_id',
      'project_path',
      'source_namespace_id',
      'source_namespace_path',
      'source_project_id',
      'source_project_path',
    ],
    globs: ['ref', 'ref_path', 'ci_config_ref_uri'],
    // HOST/GROUP/PROJECT
    spelledOut: { ci_config_ref_uri: 3 },
    projects: [['project_path'], ['project_id'], ['pipeline_id'], ['job_id']],
    claims: [
      'ci_config_ref_uri',
      'ci_config_sha',
      'deployment_tier',
      'environment',
      'environment_action',
      'environment_protected',
      'groups_direct',
      'job_config',
      'job_id',
      'job_namespace_id',
      'job_namespace_path',
      'job_project_id',
      'job_project_path',
      'job_source',
      'namespace_id',
      'namespace_path',
      'pipeline_id',
      'pipeline_source',
      'project_id',
      'project_path',
      'project_visibility',
      'ref',
      'ref_path',
      'ref_protected',
      'ref_type',
      'runner_environment',
      'runner_id',
      'sha',
      'source_namespace_id',
      'source_namespace_path',
      'source_project_id',
      'source_project_path',
      'user_access_level',
      'user_email',
      'user_id',
      'user_identities',
      'user_login',
    ],
    claimPrefixes: [],
    lists: ['groups_direct', 'job_config', 'user_identities'],
  },
  {
    // https://circleci.com/docs/openid-connect-tokens, "Format of the OpenID Connect ID token"; `org-id` and `pipeline-…`:
    // https://discuss.circleci.com/t/new-oidc-custom-claims/54214. It has neither `nbf` nor `jti`.
    name: 'circleci',
    url: undefined,
    // Its issuer is one organisation's own; the first of these says so once more. Where forks get tokens at all (off by
    // default), only `vcs-origin` tells them apart.
    owners: ['oidc.circleci.com/org-id', 'oidc.circleci.com/project-id', 'oidc.circleci.com/vcs-origin'],
    globs: ['oidc.circleci.com/vcs-ref'],
    spelledOut: {},
    projects: [
      ['oidc.circleci.com/project-id'],
      ['oidc.circleci.com/pipeline-id'],
      ['oidc.circleci.com/workflow-id'],
      ['oidc.circleci.com/job-id'],
    ],
    claims: [
      'oidc.circleci.com/context-ids',
      'oidc.circleci.com/job-id',
      'oidc.circleci.com/org-id',
      'oidc.circleci.com/pipeline-definition-id',
      'oidc.circleci.com/pipeline-id',
      'oidc.circleci.com/project-id',
      'oidc.circleci.com/ssh-rerun',
      'oidc.circleci.com/vcs-origin',
      'oidc.circleci.com/vcs-ref',
      'oidc.circleci.com/workflow-id',
    ],
    claimPrefixes: [],
    lists: ['oidc.circleci.com/context-ids'],
  },
  {
    // https://buildkite.com/docs/agent/cli/reference/oidc, "Claims" and "Optional claims"
    name: 'buildkite',
    url: 'https://agent.buildkite.com',
    // `pipeline_slug` is unique in its organisation only; the UUID is unique everywhere.
    owners: ['organization_id', 'organization_slug', 'pipeline_id'],
    globs: ['build_branch', 'build_tag'],
    spelledOut: {},
    projects: [
      ['pipeline_id'],
      ['build_id'],
      ['job_id'],
      ['organization_slug', 'pipeline_slug'],
      ['organization_id', 'pipeline_slug'],
    ],
    claims: [
      'agent_id',
      'build_branch',
      'build_commit',
      'build_id',
      'build_number',
      'build_source',
      'build_tag',
      'cluster_id',
      'cluster_name',
      'job_id',
      'organization_id',
      'organization_slug',
      'pipeline_id',
      'pipeline_slug',
      'queue_id',
      'queue_key',
      'runner_environment',
      'step_key',
    ],
    claimPrefixes: ['agent_tag:'],
    lists: [],
  },
];

/**
 * The issuer that a rule names, `github` or `circleci:ORGANISATION_UUID`, and its claim `iss`; undefined if there is none
 * of that name, or the organisation is missing or too much.
 */
export function knownIssuerOf(
  word: string,
): { readonly issuer: KnownIssuer; readonly url: string } | undefined {
  const [name, organisation, ...rest] = word.split(':');
  const issuer = KNOWN_ISSUERS.find((known) => known.name === name);
  if (issuer === undefined || rest.length > 0) return undefined;
  if (issuer.url !== undefined) return organisation === undefined ? { issuer, url: issuer.url } : undefined;
  return organisation !== undefined && UUID.test(organisation)
    ? { issuer, url: `${CIRCLECI_ISSUER}${organisation}` }
    : undefined;
}

/** Whose the claim `iss` is, if it is that of a known issuer. */
export function knownIssuerAt(url: string): KnownIssuer | undefined {
  return KNOWN_ISSUERS.find((known) =>
    known.url === undefined ? url.startsWith(CIRCLECI_ISSUER) : known.url === url,
  );
}

/** True if tokens of `issuer` can have `claim`, those that every JWT has aside. */
export function hasClaim(issuer: KnownIssuer, claim: string): boolean {
  return issuer.claims.includes(claim) || issuer.claimPrefixes.some((prefix) => claim.startsWith(prefix));
}
