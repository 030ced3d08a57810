// The crowd: those who have come and proved nothing yet, and which of them has to go when they are many.
import type { Clock } from '#shared/time/clock.ts';
import { clientSourceOf } from './client.ts';
import { dropChance, type EarlyDrop } from './early-drop.ts';

export interface CrowdLimits extends EarlyDrop {
  /** Of one source (`sourceOf`), and two more for each who is logged in from there. */
  readonly perSource: number;
  /** Places beyond `full` for those who come from where somebody is logged in, and again two more for each of these. */
  readonly headroom: number;
  /** Who has shown no sign of life for so long is the first to go, in milliseconds. */
  readonly quietMs: number;
  /**
   * Who goes when all have the same share and none is quiet. `lot`: anyone of them, the newcomer too; `newcomer`: whom
   * it costs nothing to refuse.
   */
  readonly tie: 'lot' | 'newcomer';
}

export interface CrowdOptions {
  readonly limits: CrowdLimits;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
}

export interface Newcomer {
  /** As the relay sees it. */
  readonly address: string;
  /** How many are logged in from its source. */
  readonly known: number;
  /** Has to go so that another may come; the place is free already. Called once at most, never within `enter`'s own. */
  readonly onEvicted: () => void;
}

export interface Place {
  /** It has done what a silent stranger does not do. */
  heard(): void;
  /** It is gone, or it belongs here now. May be called twice. */
  leave(): void;
}

/** Who lost his transport comes back by a new one, and by yet another one if that is lost as well. */
const PLACES_PER_KNOWN = 2;

interface Waiting {
  readonly source: string;
  readonly since: number;
  readonly onEvicted: () => void;
  isHeard: boolean;
}

/**
 * Who goes is, in this order: one of the source that has the most, the newcomer counted in; of those the one that has been
 * quiet for longest; if none has been for `quietMs`, by `tie`. So whoever holds all that one address may hold costs nobody
 * else a place; and one who holds places from many addresses has to come back for them all the time, while who logs in
 * by a key needs his for a second.
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
