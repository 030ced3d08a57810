// Known issuers: the CI systems whose tokens the relay knows by name, and what each of their claims is worth.

/** What is known of an issuer's tokens. Names are as in its documentation. */
export interface KnownIssuer {
  /** As a rule names it. */
  readonly name: string;
  /** The claim `iss`; undefined where each organisation has one of its own. */
  readonly url: string | undefined;
  /** A rule must ask for at least one of these, exactly: without it, everybody at this CI system would match. */
  readonly owners: readonly string[];
  /** These may be matched by a glob: whoever matches the owner is free to choose them anyway. */
  readonly globs: readonly string[];
  /** All the claims that its tokens can have. */
  readonly claims: readonly string[];
}

export const KNOWN_ISSUERS: readonly KnownIssuer[] = [
  {
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
    globs: ['ref', 'base_ref', 'head_ref', 'job_workflow_ref', 'workflow_ref', 'workflow', 'environment'],
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
  },
];
