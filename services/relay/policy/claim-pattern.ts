// Claim patterns: what a claim of a token must be.
import type { Claims } from '../identity/identity.ts';

/** One claim, and what it may be: any of `values`. */
export interface ClaimPattern {
  readonly claim: string;
  /** Exact values, or globs where the claim may have them (refs). */
  readonly values: readonly string[];
}

/** True if the claim is a string, number or boolean that fits one of the values. */
export function fitsPattern(pattern: ClaimPattern, claims: Claims): boolean {
  const value = claims[pattern.claim];
  return typeof value === 'string' && pattern.values.includes(value);
}
