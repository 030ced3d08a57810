// Blocks: addresses and rules that an operator keeps out for a time. Interface and written contract.
//
// B1  A block is in force on the pod that made it at once, and on all pods that share the store within BLOCKS_KNOWN_WITHIN_MS.
// B2  It ends by itself at `until`, by each pod's own wall clock, or when it is removed; a second block of the same target
//     takes the place of the first.
// B3  An address is blocked if any block has it, alone or in a range; a rule if a block names it. Of several the one that
//     lasts longest is found. Whatever has an address or a rule already goes on: whoever asks `find` decides when.
// B4  There are MAX_BLOCKS at most; blocks that have ended do not count.
// B5  While the store is away, the last known list stays in force, and `add` and `remove` reject with RegistryUnavailable
//     and change nothing. Blocks still end by themselves.
// B6  A store that has forgotten the list (an emptied Redis, a fail-over to a replica that lags) gets it back from any pod
//     that knows it. A block is lost only if no pod is left that knew it; one that was removed in the moment before the
//     loss may come back, and ends at its time.
// B7  What a stranger writes into the store blocks nobody: each block is signed with the cluster's secret. Whoever can
//     write there can remove a block, or bring back one that was removed, until its time; as with any entry.
import type { Cancel } from '#shared/time/clock.ts';

/** More than this is not a list that a person keeps; in blocks. */
export const MAX_BLOCKS = 10_000;

/** The shortest and the longest block, in milliseconds: a minute, and 30 days. What lasts longer belongs into the policy. */
export const MIN_BLOCK_MS = 60_000;
export const MAX_BLOCK_MS = 30 * 86_400_000;

/** The longest reason, in characters. */
export const MAX_BLOCK_REASON_LENGTH = 200;

/** How often a pod asks for the version of the list, in milliseconds: one small call. */
export const POLL_BLOCKS_EVERY_MS = 500;

/** Until a block is known to every pod, in milliseconds, while the store answers. */
export const BLOCKS_KNOWN_WITHIN_MS = 1_000;

export interface Block {
  /** As `readTarget` writes it: `203.0.113.0/24`, `rule:NAME`. */
  readonly target: string;
  /** Milliseconds since the Unix epoch; so is the next. */
  readonly until: number;
  readonly since: number;
  /** The name that the operator gave. */
  readonly by: string;
  /** May be empty. */
  readonly why: string;
}

/** Whoever wants to come in: from an address, and by a rule of the policy if one admits it. */
export interface BlockSubject {
  readonly address: string;
  readonly rule?: string | undefined;
}

export type AddOutcome =
  | { readonly kind: 'added' }
  /** There are MAX_BLOCKS. */
  | { readonly kind: 'full' };

/** What the gate asks. */
export interface BlockList {
  /** The block that keeps `who` out, the longest of several. Cheap, whatever the number of blocks. */
  find(who: BlockSubject): Block | undefined;
}

export interface Blocks extends BlockList {
  /** Begins to look for what other pods have blocked; the result ends that and may be called twice. */
  start(): Cancel;
  /** Those in force, in the order in which they end. */
  list(): readonly Block[];
  /** `block` is well-formed: its target as `readTarget` writes it, its words bounded. */
  add(block: Block): Promise<AddOutcome>;
  /** False if nobody has blocked it. */
  remove(target: string): Promise<boolean>;
}
