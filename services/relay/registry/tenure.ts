// Tenure: since when a claim has had its ID, and which of two claims of one ID is the elder.
//
// The registry can forget (an emptied Redis, a fail-over to a replica that lags); agents do not. Each carries what a relay
// attested of it (hop/grant.ts), so that after a loss the one that was there first gets its ID back, in whatever order
// the claims arrive, and no pod has to keep anything for that.
//
// The danger of such a rule is an elder that gave the ID up: somebody who had the ID of a job before the job began, left,
// and comes back with his old grant. So a claim is given a horizon. A registry that remembers knows that nobody had the
// ID when it was claimed, and only a proof from after that moment can be of use; one that has just lost its memory lets
// those come back who were linked shortly before the loss.
import { LEASE_MS } from '#shared/protocol/lease.ts';
import type { Memory } from './continuity.ts';

/**
 * What was attested last may be older than the end of the link by so much, in milliseconds: the time between two grants,
 * and what the clocks of two pods may be apart.
 */
export const TENURE_SLACK_MS = 90_000;

/** Times are in milliseconds since the Unix epoch, by the clock of the pod that took the claim. */
export interface Tenure {
  /** When this claim got the ID for the first time. */
  readonly heldSince: number;
  /** An elder claim that was not seen linked since this moment has given the ID up. */
  readonly horizon: number;
}

/** A tenure that somebody vouches for: a grant with the cluster's signature, or the pod that holds the link. */
export interface ProvenTenure extends Tenure {
  /** When it was last seen linked; SEEN_NOW for a registered link that is up. */
  readonly seen: number;
}

/** Later than any clock says, and within 15 digits. */
export const SEEN_NOW = 999_999_999_999_999;

/** The tenure of a claim that gets a free ID at `now`, from a registry with this memory. */
export function newTenure(now: number, { since, knownUntil }: Memory): Tenure {
  const isSure = now - since >= LEASE_MS;
  // When it is sure, the clock of the pod that saw the elder may be ahead.
  const horizon = isSure ? now + TENURE_SLACK_MS : knownUntil - LEASE_MS - TENURE_SLACK_MS;
  return { heldSince: now, horizon: Math.max(1, horizon) };
}

/**
 * True if a claim with this proof gets the ID although another claim holds it: it was there first, and had not given it
 * up when the other came. The scripts in redis-scripts.ts say the same.
 */
export function outranks(proof: ProvenTenure | undefined, held: Tenure): boolean {
  return proof !== undefined && proof.heldSince < held.heldSince && proof.seen >= held.horizon;
}

/** Of two tenures of one claim, the longer one. */
export function longerTenure(tenure: Tenure, proof: ProvenTenure | undefined): Tenure {
  if (proof === undefined || proof.heldSince >= tenure.heldSince) return tenure;
  return { heldSince: proof.heldSince, horizon: proof.horizon };
}
