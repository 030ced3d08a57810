// Claim patterns: what a claim of a token must be.
import type { Claims, ClaimValue } from '../identity/identity.ts';
import { MAX_CLAIM_TEXT, plainTextOf } from './claim-text.ts';

/** One claim, and what it may be: any of `values`. */
export interface ClaimPattern {
  readonly claim: string;
  /** Exact values, or globs where the claim may have them (refs): a `*` is any characters, or none. */
  readonly values: readonly string[];
  /** False: the values are exact, and a `*` is a `*`. */
  readonly isGlob: boolean;
}

/** True if the claim is one of the values. A list, an object, null and a claim that is not there never are. */
export function matchesPattern({ claim, values, isGlob }: ClaimPattern, claims: Claims): boolean {
  const text = plainTextOf(claims, claim);
  return text !== undefined && isAnyOf(values, isGlob, text);
}

/** The same, where a list counts if one of its texts is one of the values: the groups of a person are a list. */
export function matchesPatternOrMember(pattern: ClaimPattern, claims: Claims): boolean {
  const { claim, values } = pattern;
  const value: ClaimValue | undefined = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  if (!Array.isArray(value)) return matchesPattern(pattern, claims);
  return (value as readonly ClaimValue[]).some(
    (member) => typeof member === 'string' && values.includes(member),
  );
}

function isAnyOf(values: readonly string[], isGlob: boolean, text: string): boolean {
  if (!isGlob) return values.includes(text);
  return text.length <= MAX_CLAIM_TEXT && values.some((glob) => matchesGlob(glob, text));
}

/**
 * True if `text` is what `glob` describes. Each part between two `*` is looked for once, behind the one before it, so the time
 * does not explode with the number of `*`.
 */
export function matchesGlob(glob: string, text: string): boolean {
  const [first = '', ...rest] = glob.split('*');
  const last = rest.pop();
  if (last === undefined) return text === glob;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= end;
}
