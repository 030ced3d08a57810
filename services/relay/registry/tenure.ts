// Tenure: since when a claim has had its ID, and which of two claims of one ID is the elder.
//
// The registry can forget (an emptied Redis, a fail-over to a replica that lags); agents do not. Each agent carries a
// grant of a relay (hop/grant.ts). After a loss, the agent that was there first gets its ID back by it, in whatever order
// the claims arrive, and no pod has to keep anything for that.
//
// The danger of such a rule is an elder that has given the ID up: somebody had the ID before the job began, left, and
// comes back with an old grant. A registry that remembers knows that the ID was free when the job claimed it, so only a
// proof of a link after that counts. A registry that has just lost its memory also takes those back who were linked at
// the loss, or shortly before it.
import { LEASE_MS } from '#shared/protocol/lease.ts';
import type { RegistryMemory } from './continuity.ts';
import { RENEW_EVERY_MS } from './registry.ts';

/**
 * How much earlier than the end of a link its last grant may say, in milliseconds: the time between two grants
 * (GRANT_EVERY_MS), plus what the clocks of two pods may be apart (CLOCK_SKEW_MS).
 */
export const TENURE_SLACK_MS = 90_000;

/** How long a pod may take to notice that the registry has lost its memory, in milliseconds: it looks at each renewal. */
export const LOSS_NOTICED_WITHIN_MS = RENEW_EVERY_MS + 5_000;

/** `seen` of a claim that a registry with its memory confirms: later than any clock says, and within 15 digits. */
export const SEEN_NOW = 999_999_999_999_999;

/**
 * How long after a loss an agent that came back by a grant can still lose its ID, in milliseconds: a pod may stall for a
 * minute, and its agent may have the better right.
 */
const SETTLED_AFTER_MS = 2 * LEASE_MS;

/**
 * An agent that had the ID when the registry lost its memory was seen within this time before the loss, in milliseconds:
 * it may have been without a link for a lease, and its grant may be from before another loss, shortly before this one.
 */
export const ELDERS_SEEN_WITHIN_MS = SETTLED_AFTER_MS + LEASE_MS + TENURE_SLACK_MS;

/** Times are in milliseconds since the Unix epoch, by the clock of the pod that took the claim. */
export interface Tenure {
  /** When this claim got the ID for the first time. */
  readonly heldSince: number;
  /** When the registry lost its memory, if that was less than a lease before; else 1 (no claim is older). */
  readonly eldersBefore: number;
  /**
   * Who had the ID before the loss, but was not seen linked since this moment, had given it up. 1 long after the loss.
   */
  readonly horizon: number;
  /** Until when it is sure that it has the ID: SEEN_NOW, or the time of the grant that it came back with. */
  readonly seen: number;
  /** When it last got the ID back from somebody who had taken it; else 1. */
  readonly wonAt: number;
}

/** The tenure of a claim that gets a free ID at `now` from a registry with this memory. */
export function newTenure(now: number, { since, knownUntil }: RegistryMemory): Tenure {
  const isSure = now - since >= LEASE_MS;
  const eldersBefore = isSure ? 1 : Math.min(now, since);
  const isSettled = now - since >= SETTLED_AFTER_MS;
  const horizon = isSettled ? 1 : Math.max(2, knownUntil - ELDERS_SEEN_WITHIN_MS);
  return { heldSince: now, eldersBefore, horizon, seen: SEEN_NOW, wonAt: 1 };
}

/**
 * True if a claim with this proof gets the ID although another claim holds it: it is the elder, or it came when the other
 * one had given the ID up. The scripts in redis-scripts.ts say the same.
 */
export function outranks(proof: Tenure | undefined, held: Tenure): boolean {
  if (proof === undefined) return false;
  return isElder(proof, held) || (proof.heldSince > held.heldSince && !isElder(held, proof));
}

/** True if `one` had the ID when `other` got it. */
function isElder(one: Tenure, other: Tenure): boolean {
  if (one.heldSince >= other.heldSince) return false;
  if (one.wonAt >= other.heldSince) return true;
  // The clock of the pod that saw it may be ahead.
  if (one.seen >= other.heldSince + TENURE_SLACK_MS) return true;
  const wasThere = one.heldSince < other.eldersBefore && one.seen >= other.horizon;
  // Who was linked after the loss was registered again, and what became of that is remembered.
  return wasThere && one.seen < other.eldersBefore + LOSS_NOTICED_WITHIN_MS;
}

/** The tenure of a claim of a free ID that comes with a proof: what it proves, if that outranks a claim without one. */
export function provenTenure(fresh: Tenure, proof: Tenure | undefined): Tenure {
  return proof !== undefined && outranks(proof, fresh) ? proof : fresh;
}

/** True once a registry that is sure has confirmed the tenure: no old grant is worth anything against it. */
export function isSettled({ eldersBefore, seen }: Tenure): boolean {
  return eldersBefore === 1 && seen === SEEN_NOW;
}

/**
 * The tenure of a claim that holds the ID and claims it again. `fresh` says whether a loss was long ago: then nobody
 * with a better right will come any more.
 */
export function confirmed(held: Tenure, fresh: Tenure, proof: Tenure | undefined): Tenure {
  const longer = proof !== undefined && proof.seen > held.seen ? proof : held;
  return fresh.horizon === 1 ? { ...longer, eldersBefore: 1, seen: fresh.seen } : longer;
}
