// Tenure: since when a claim has had its ID, and which of two claims of one ID is the elder.
//
// The registry can forget (an emptied Redis, a fail-over to a replica that lags); agents do not. Each carries what a relay
// attested of it (hop/grant.ts), so that after a loss the one that was there first gets its ID back, in whatever order
// the claims arrive, and no pod has to keep anything for that.
//
// The danger of such a rule is an elder that gave the ID up: somebody who had the ID of a job before the job began, left,
// and comes back with his old grant. So a tenure has a horizon. A registry that remembers knows that nobody had the ID
// when it was claimed, and only who was seen linked after that can be of use; one that has just lost its memory lets
// those come back who were linked shortly before the loss.
import { LEASE_MS } from '#shared/protocol/lease.ts';
import type { Memory } from './continuity.ts';

/**
 * What was attested last may be older than the end of the link by so much, in milliseconds: the time between two grants,
 * and what the clocks of two pods may be apart.
 */
export const TENURE_SLACK_MS = 90_000;

/** `seen` of who holds the ID by the word of a registry that remembers: later than any clock says, within 15 digits. */
export const SEEN_NOW = 999_999_999_999_999;

/** Times are in milliseconds since the Unix epoch, by the clock of the pod that took the claim. */
export interface Tenure {
  /** When this claim got the ID for the first time. */
  readonly heldSince: number;
  /** Who got the ID later than this is no elder: what happened since then is remembered. */
  readonly eldersBefore: number;
  /** An elder claim that was not seen since this moment has given the ID up. */
  readonly horizon: number;
  /** Until when it is sure that it has the ID: SEEN_NOW, or the time of the grant that it came back with. */
  readonly seen: number;
}

/** The tenure of a claim that gets a free ID at `now`, from a registry with this memory. */
export function newTenure(now: number, { since, knownUntil }: Memory): Tenure {
  const isSure = now - since >= LEASE_MS;
  // When it is sure, the clock of the pod that saw the elder may still be ahead.
  const horizon = isSure ? now + TENURE_SLACK_MS : knownUntil - LEASE_MS - TENURE_SLACK_MS;
  const eldersBefore = isSure ? now : Math.min(now, since);
  return { heldSince: now, eldersBefore, horizon: Math.max(1, horizon), seen: SEEN_NOW };
}

/**
 * True if a claim with this proof gets the ID although another claim holds it: it is the elder, or it came when the other
 * one had given the ID up. The scripts in redis-scripts.ts say the same.
 */
export function outranks(proof: Tenure | undefined, held: Tenure): boolean {
  if (proof === undefined) return false;
  return isElder(proof, held) || (proof.heldSince > held.heldSince && !isElder(held, proof));
}

/** True if `one` may have had the ID when `other` got it. */
function isElder(one: Tenure, other: Tenure): boolean {
  return one.heldSince < other.eldersBefore && one.seen >= other.horizon;
}

/** The tenure of a claim of a free ID that comes with a proof: what it proves, if that outranks a claim without one. */
export function provenTenure(fresh: Tenure, proof: Tenure | undefined): Tenure {
  return proof !== undefined && outranks(proof, fresh) ? proof : fresh;
}
