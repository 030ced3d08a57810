// Claim patterns: what a claim of a token must be.

/** One claim, and what it may be: any of `values`. */
export interface ClaimPattern {
  readonly claim: string;
  /** Exact values, or globs where the claim may have them (refs). */
  readonly values: readonly string[];
}
