// The crowd: those who have come and proved nothing yet, and which of them has to go when they are many.
import { clientSourceOf } from '#shared/protocol/address.ts';
import type { Clock } from '#shared/time/clock.ts';
import { dropChance, type EarlyDrop } from './early-drop.ts';

/** How many may wait, and who goes when there are more. */
export interface CrowdLimits extends EarlyDrop {
  /** Places of one source, and two more for each client that is logged in from there. */
  readonly perSource: number;
  /** Places beyond `full` for sources from which somebody is logged in, and two more for each such client. */
  readonly headroom: number;
  /** Whoever has shown no sign of life for this long is the first to go, in milliseconds. */
  readonly quietMs: number;
  /**
   * Who goes when all have the same share and none is quiet. `lot`: one of them by lot, the newcomer included.
   * `newcomer`: the newcomer, whom it costs nothing to refuse.
   */
  readonly tie: 'lot' | 'newcomer';
}

export interface CrowdOptions {
  readonly limits: CrowdLimits;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Somebody who wants a place. */
export interface Newcomer {
  /** As the relay sees it. */
  readonly address: string;
  /** How many are logged in from its source. */
  readonly known: number;
  /** It has to go so that another may come; its place is free already. Called at most once, and not during its own `enter`. */
  readonly onEvicted: () => void;
}

/** A place, from `enter` to `leave` or the eviction. */
export interface Place {
  /** It has given a sign of life. */
  heard(): void;
  /** It is gone, or it has proved who it is. May be called twice. */
  leave(): void;
}

/** A client that lost its transport comes back by a new one, and by another one if that is lost as well. */
const PLACES_PER_KNOWN = 2;

interface Waiting {
  readonly source: string;
  readonly since: number;
  readonly onEvicted: () => void;
  isHeard: boolean;
}

/**
 * Who has to go is found in three steps. It is one of the source that has the most places, the newcomer counted in. Of those
 * it is the one that has been quiet for longest. If none has been quiet for `quietMs`, `tie` decides. So a source that takes
 * all its places costs no other source one. Whoever takes places from many addresses loses them all the time, while a login
 * by a key needs its place for a second only.
 */
export class Crowd {
  readonly #options: CrowdOptions;
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>();

  constructor(options: CrowdOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** A place, or undefined: no room. */
  enter({ address, known, onEvicted }: Newcomer): Place | undefined {
    const source = clientSourceOf(address);
    const extra = known * PLACES_PER_KNOWN;
    const isOverShare = this.#of(source).length >= this.#options.limits.perSource + extra;
    if (isOverShare || this.#isCrowded(extra)) {
      const shares = isOverShare ? new Map([[source, 1]]) : this.#sharesWith(source);
      const victim = this.#victimAmong(shares, source);
      if (victim === 'newcomer') return undefined;
      this.#waiting.delete(victim);
      victim.onEvicted();
    }
    const entry: Waiting = { source, since: this.#options.clock.now(), onEvicted, isHeard: false };
    this.#waiting.add(entry);
    return {
      heard: () => {
        entry.isHeard = true;
      },
      leave: () => {
        this.#waiting.delete(entry);
      },
    };
  }

  #isCrowded(extra: number): boolean {
    const { limits, random } = this.#options;
    if (extra > 0) return this.size >= limits.full + limits.headroom + extra;
    const chance = dropChance(limits, this.size);
    return chance > 0 && random() < chance;
  }

  /** One of those with the largest of `shares`, to which the newcomer from `source` is counted. */
  #victimAmong(shares: ReadonlyMap<string, number>, source: string): Waiting | 'newcomer' {
    const { limits, clock, random } = this.#options;
    const most = Math.max(...shares.values());
    const candidates = [...this.#waiting].filter((each) => shares.get(each.source) === most);
    const quietSince = clock.now() - limits.quietMs;
    const quiet = candidates.find((each) => !each.isHeard && each.since <= quietSince);
    if (quiet !== undefined) return quiet;
    const isNewcomerOne = shares.get(source) === most;
    if (isNewcomerOne && limits.tie === 'newcomer') return 'newcomer';
    const lot = Math.floor(random() * (candidates.length + (isNewcomerOne ? 1 : 0)));
    return candidates[lot] ?? 'newcomer';
  }

  #of(source: string): Waiting[] {
    return [...this.#waiting].filter((each) => each.source === source);
  }

  #sharesWith(newcomer: string): Map<string, number> {
    const shares = new Map([[newcomer, 1]]);
    for (const { source } of this.#waiting) shares.set(source, (shares.get(source) ?? 0) + 1);
    return shares;
  }
}
