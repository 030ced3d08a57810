// Forms of claims: what the values of known issuers always look like, so that a rule that could never match is seen at once.
//
// Taken from the examples of the pages that known-issuers.ts names.

export interface ClaimForm {
  readonly pattern: RegExp;
  /** Every value begins so; empty where they have nothing in common. */
  readonly start: string;
  /** For a person. */
  readonly example: string;
}

const NUMBER: ClaimForm = { pattern: /^\d+$/, start: '', example: '4711' };
const UUID: ClaimForm = {
  pattern: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  start: '',
  example: '01234567-89ab-cdef-0123-456789abcdef',
};
const REF: ClaimForm = { pattern: /^refs\/./, start: 'refs/', example: 'refs/heads/main' };
const NAME: ClaimForm = { pattern: /^[^/]+$/, start: '', example: 'acme' };

/** By issuer and claim. What is not here may be anything. */
export const CLAIM_FORMS: Readonly<Record<string, Readonly<Record<string, ClaimForm>>>> = {
  github: {
    actor_id: NUMBER,
    enterprise_id: NUMBER,
    job_workflow_ref: {
      pattern: /^[^/]+\/[^/]+\/.+@.+$/,
      start: '',
      example: 'acme/ci/.github/workflows/build.yml@refs/heads/main',
    },
    ref: REF,
    repository: { pattern: /^[^/]+\/[^/]+$/, start: '', example: 'acme/app' },
    repository_id: NUMBER,
    repository_owner: NAME,
    repository_owner_id: NUMBER,
    run_attempt: NUMBER,
    run_id: NUMBER,
  },
  gitlab: {
    job_id: NUMBER,
    namespace_id: NUMBER,
    pipeline_id: NUMBER,
    project_id: NUMBER,
    project_path: { pattern: /^[^/]+(?:\/[^/]+)+$/, start: '', example: 'acme/tools/app' },
    ref_path: REF,
    user_id: NUMBER,
  },
  circleci: { 'oidc.circleci.com/org-id': UUID, 'oidc.circleci.com/project-id': UUID },
  buildkite: { organization_id: UUID, organization_slug: NAME, pipeline_id: UUID, pipeline_slug: NAME },
};
