// The end of an agent: its exit code, and what people said of the job.

/** What somebody in a session said of the job. */
export type JobVerdict =
  /** Nobody said anything: the job's own result stands. */
  | { readonly kind: 'none' }
  /** It goes on, as a success. */
  | { readonly kind: 'continue' }
  /** It fails, with 1 to 255. */
  | { readonly kind: 'fail'; readonly exitCode: number };

export interface AgentEnd {
  /** The verdict's, where there is one; else one of AGENT_EXIT_CODES. */
  readonly code: number;
  readonly verdict: JobVerdict;
}

export const NO_VERDICT: JobVerdict = { kind: 'none' };

/** `code` unless somebody said otherwise. */
export function endWith(verdict: JobVerdict, code: number): AgentEnd {
  switch (verdict.kind) {
    case 'none':
      return { code, verdict };
    case 'continue':
      return { code: 0, verdict };
    case 'fail':
      return { code: verdict.exitCode, verdict };
  }
}
