// The registry of agents: which pod holds the control link of which agent. Interface and written contract.
//
// R1  A claim on a free ID gives epoch 1 or more and reserves the ID for RESERVATION_MS.
// R2  The same claim hash on a reserved ID moves it to the new owner and raises the epoch by one.
// R3  Another claim hash on a reserved ID is `taken`; nothing changes. The exception is R12.
// R4  A reservation that is not renewed within RESERVATION_MS is gone: `lookup` finds nothing, any claim succeeds. This
//     is longer than a lease (LEASE_MS), so that a reservation survives a pod that stalls for a minute.
// R5  `renew` extends the reservations whose epoch is still the given one, and names the others as lost.
// R6  `release` removes the entry only if its epoch is still the given one. If another owner had it less than
//     RESERVATION_MS ago, it is abandoned (R11) instead: that owner may still have a link of the same claim and not know
//     that the ID has moved on, and it would take the ID back from somebody who got it meanwhile.
// R7  `waitFor` gives the entry at once if it is there with an epoch above `afterEpoch`, else when it comes,
//     else undefined after the time; it is woken by claims on every pod.
// R8  Epochs of an ID rise for as long as its claim is remembered; after it was released, expired or was lost they start
//     anew. A registry that can lose claims (Redis) starts at the current time, so that later claims have higher epochs.
// R9  Every call may reject with RegistryUnavailable, within REGISTRY_TIMEOUT_MS; callers decide what that means. Where a
//     call asks more than once (`renew` in batches, `waitFor` again at its end), that time is for each.
// R10 `restore` registers an agent that is linked here and whose entry was lost. A free ID gets the given epoch. The same
//     claim hash with an epoch up to the given one is taken over: this owner's own entry keeps the given epoch, another
//     owner's is outranked (one more than the given epoch if they are equal). Anything else is `taken`; nothing changes.
//     The exception is R12.
// R11 `abandon` says that the agent has no link any more: the ID is reserved for its claim for one lease from now, and no
//     longer. It changes nothing if the epoch is not the given one, or if less than a lease is left. A renewal undoes it.
// R12 A claim or a restore whose proof of tenure outranks that of the entry (tenure.ts) gets the ID, with a higher epoch,
//     even if another claim holds it: the registry had forgotten the better right. The other owner finds its lease lost.
//     On a free ID a proof counts only if it is from before a loss of the registry's memory, less than a lease ago: an
//     agent that gave its ID up while the registry remembers has no better right to it than anybody.
// R13 What has run out is swept: a registry holds no more than the IDs that are reserved.
// R14 `start` may come after the first calls, which reject until the registry can be reached. `onRegained` is called each
//     time it can be, for the first time or again, and may have forgotten what it held; a registry that cannot be away
//     never calls it.
import { LEASE_MS } from '#shared/protocol/lease.ts';
import type { Tenure } from './tenure.ts';

/** The owner renews this often, in milliseconds: two renewals may fail before a lease (LEASE_MS) is over. */
export const RENEW_EVERY_MS = 15_000;

/**
 * How long an ID is reserved after a renewal, in milliseconds: a pod may stall for a minute, right before it would have
 * renewed, and still has the time to come to itself.
 */
export const RESERVATION_MS = 2 * LEASE_MS;

/**
 * How long the registry may take to answer, in milliseconds. Then the call fails: a client would rather hear that than
 * wait.
 */
export const REGISTRY_TIMEOUT_MS = 2_000;

/** Who holds a control link. */
export interface Owner {
  readonly pod: string;
  /** `HOST:PORT` of the pod's internal listener. */
  readonly address: string;
}

export interface RegistryEntry extends Owner {
  readonly epoch: number;
  /** When this owner claimed the ID, in milliseconds since the Unix epoch. */
  readonly since: number;
}

/** An ID that an agent here holds, by the claim that `epoch` counts. */
export interface HeldId {
  readonly id: string;
  readonly epoch: number;
}

export type ClaimOutcome =
  | { readonly kind: 'claimed'; readonly epoch: number; readonly tenure: Tenure }
  | { readonly kind: 'taken' };

export interface AgentRegistry {
  /** Begins to connect. `onRegained`: whoever is linked here is to be restored. A second call does nothing. */
  start(onRegained: () => void): void;
  /** `proof`: what a genuine grant of this claim says. */
  claim(id: string, claimHash: string, owner: Owner, proof?: Tenure): Promise<ClaimOutcome>;
  /** Registers again what the registry lost; `epoch` is the one that the agent was linked with. */
  restore(id: string, claimHash: string, owner: Owner, epoch: number, proof: Tenure): Promise<ClaimOutcome>;
  /** The IDs among `ids` whose lease is lost. Called every RENEW_EVERY_MS, also for none. */
  renew(ids: readonly HeldId[]): Promise<readonly string[]>;
  release(id: string, epoch: number): Promise<void>;
  abandon(id: string, epoch: number): Promise<void>;
  lookup(id: string): Promise<RegistryEntry | undefined>;
  /** Waits up to `ms` milliseconds; ends early, with undefined, when `signal` aborts. */
  waitFor(id: string, ms: number, options?: WaitOptions): Promise<RegistryEntry | undefined>;
  /** Frees what the registry holds. May be called twice. */
  stop(): Promise<void>;
}

export interface WaitOptions {
  /** Only an entry with a higher epoch counts; 0 by default. */
  readonly afterEpoch?: number;
  readonly signal?: AbortSignal;
}
