// The claims that count: of all that a provider says of a person, what the rules look at, and what the person is called.
//
// A token travels in a header and a cookie, which have limits, and some providers name hundreds of groups.
import type { JsonRecord } from '#shared/text/json-record.ts';
import type { Claims, ClaimValue } from '../identity/identity.ts';
import type { ClaimPattern } from '../policy/claim-pattern.ts';
import type { Policy } from '../policy/policy.ts';

/** A longer value does not count, in characters. */
export const MAX_CLAIM_CHARACTERS = 256;

/** All that count together, as JSON in bytes: sealed, with the rest, they fit a cookie of 4,096 bytes (RFC 6265 section 6.1). */
export const MAX_COUNTED_CLAIMS_BYTES = 2_400;

/** By which a person is called. `sub` first: it is always there, and must not be left out for want of room. */
const NAMES = ['sub', 'email', 'preferred_username'];

/** The claims that rules of clients look at. */
export function claimPatterns(policy: Policy): readonly ClaimPattern[] {
  return (policy.clients ?? []).flatMap(({ proof }) => (proof.kind === 'sso' ? proof.match : []));
}

/** The names of these. */
export function claimNames(policy: Policy): readonly string[] {
  return [...new Set(claimPatterns(policy).map(({ claim }) => claim))];
}

/**
 * What counts of `claims`. Of a list, such as groups, those values that some rule names: a rule that is new may need a new
 * sign-on. An address that the provider calls unverified does not count: whoever holds the account may have made it up.
 */
export function claimsThatCount(claims: JsonRecord, policy: Policy): Claims {
  const patterns = claimPatterns(policy);
  const counted: Record<string, ClaimValue> = {};
  let bytes = 2;
  for (const claim of new Set([...NAMES, ...claimNames(policy)])) {
    if (claim === 'email' && isUnverified(claims)) continue;
    const value = valueThatCounts(claims, claim, patterns);
    if (value === undefined) continue;
    const more = Buffer.byteLength(JSON.stringify([claim, value]));
    // A large one does not shut out a small one behind it.
    if (bytes + more > MAX_COUNTED_CLAIMS_BYTES) continue;
    bytes += more;
    counted[claim] = value;
  }
  return counted;
}

/** Some providers write booleans as text. */
function isUnverified({ email_verified: isVerified }: JsonRecord): boolean {
  return isVerified === false || isVerified === 'false';
}

function valueThatCounts(
  claims: JsonRecord,
  claim: string,
  patterns: readonly ClaimPattern[],
): ClaimValue | undefined {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  if (isPlain(value)) return value;
  if (!Array.isArray(value)) return undefined;
  const named = new Set(
    patterns.filter((pattern) => pattern.claim === claim).flatMap(({ values }) => values),
  );
  // A rule compares the texts of a list alone.
  const kept = value.filter(
    (item): item is string => typeof item === 'string' && isPlain(item) && named.has(item),
  );
  return [...new Set(kept)];
}

function isPlain(value: unknown): value is string | number | boolean {
  if (typeof value === 'string') return value.length <= MAX_CLAIM_CHARACTERS;
  return typeof value === 'number' || typeof value === 'boolean';
}
