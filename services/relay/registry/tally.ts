// The tally: what the pods count together for the limits of a rule. Interface, written contract, and the tally in memory.
//
// T1  `take` gives `member` a place in `group` if fewer than `limit` others have one, or if there is no limit, or if it has one
//     already: then that one is its own for PLACE_LIFE_MS from now.
// T2  A place that is neither taken again nor extended within PLACE_LIFE_MS is free. `leave` frees it at once.
// T3  `add` adds to a sum and says what it is then, on whatever pod it was added; a sum is forgotten SUM_LIFE_MS after the last.
// T4  Two pods that take at the same moment never get more places than there are.
// T5  Every call may reject with RegistryUnavailable; callers decide what that means.
import { LEASE_MS } from '#shared/protocol/lease.ts';
import type { Clock } from '#shared/time/clock.ts';

/** How long a place is held without a word from its pod, in milliseconds. Pods extend theirs every RENEW_EVERY_MS. */
export const PLACE_LIFE_MS = LEASE_MS;

/** How long a sum is remembered, in milliseconds: longer than a job is without a client. */
export const SUM_LIFE_MS = 24 * 3_600_000;

export interface TallyPlace {
  readonly group: string;
  readonly member: string;
}

export interface Addition {
  readonly sum: string;
  /** A whole number, 0 or more. */
  readonly amount: number;
}

export interface Tally {
  /** True: it has a place. */
  take(place: TallyPlace, limit: number | undefined): Promise<boolean>;
  extend(places: readonly TallyPlace[]): Promise<void>;
  leave(place: TallyPlace): Promise<void>;
  /** The sums after it, in the order of `additions`. */
  add(additions: readonly Addition[]): Promise<readonly number[]>;
}

/** Tallies over one store see the same places, as pods that share a Redis do. */
export class TallyStore {
  /** By group, then by member: until when it is held, in milliseconds since the Unix epoch. The next to be free comes first. */
  readonly places = new Map<string, Map<string, number>>();
  /** The next to be forgotten comes first. */
  readonly sums = new Map<string, { total: number; forgottenAt: number }>();
}

export class MemoryTally implements Tally {
  readonly #clock: Clock;
  readonly #store: TallyStore;

  constructor(clock: Clock, store = new TallyStore()) {
    this.#clock = clock;
    this.#store = store;
  }

  take({ group, member }: TallyPlace, limit: number | undefined): Promise<boolean> {
    const { places } = this.#store;
    const now = this.#clock.wallTime();
    const held = places.get(group) ?? new Map<string, number>();
    for (const [other, until] of held) {
      if (until > now) break;
      held.delete(other);
    }
    const isFull = limit !== undefined && held.size >= limit && !held.has(member);
    if (!isFull) setLast(held, member, now + PLACE_LIFE_MS);
    if (held.size > 0) places.set(group, held);
    return Promise.resolve(!isFull);
  }

  async extend(places: readonly TallyPlace[]): Promise<void> {
    for (const place of places) await this.take(place, undefined);
  }

  leave({ group, member }: TallyPlace): Promise<void> {
    const held = this.#store.places.get(group);
    held?.delete(member);
    if (held?.size === 0) this.#store.places.delete(group);
    return Promise.resolve();
  }

  add(additions: readonly Addition[]): Promise<readonly number[]> {
    const { sums } = this.#store;
    const now = this.#clock.wallTime();
    for (const [name, { forgottenAt }] of sums) {
      if (forgottenAt > now) break;
      sums.delete(name);
    }
    const totals = additions.map(({ sum, amount }) => {
      const total = (sums.get(sum)?.total ?? 0) + amount;
      setLast(sums, sum, { total, forgottenAt: now + SUM_LIFE_MS });
      return total;
    });
    return Promise.resolve(totals);
  }
}

/**
 * Puts an entry at the end of a map, where it is the last to run out: so what has run out is all at the front, and nobody has
 * to look through ten thousand agents for it each time that one of them dials.
 */
function setLast<Value>(map: Map<string, Value>, name: string, value: Value): void {
  map.delete(name);
  map.set(name, value);
}
