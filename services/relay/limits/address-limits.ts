// The limits per client address: what each has at the moment, and how fast it may ask for more.
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { TokenBucket } from '#shared/time/token-bucket.ts';
import type { AddressLimitValues, Counted } from './limit-table.ts';

/** How often addresses are forgotten that hold nothing and have asked for nothing recently, in milliseconds. */
export const SWEEP_EVERY_MS = 15_000;

/** The Retry-After of an address that holds too much, in seconds. A guess: nobody knows when it will hold less. */
export const TOO_MANY_RETRY_SECONDS = 5;

/** The longest Retry-After for requests that come too fast, in seconds. */
const MAX_SETUP_RETRY_SECONDS = 60;

/** A place that is held until it is given back. */
export interface Slot {
  /** May be called twice. */
  release(): void;
}

export type AddressVerdict =
  | { readonly kind: 'granted'; readonly slot: Slot }
  | { readonly kind: 'too_many'; readonly limit: number; readonly retrySeconds: number };

export type SetupVerdict =
  | { readonly kind: 'granted' }
  | { readonly kind: 'too_fast'; readonly perSecond: number; readonly retrySeconds: number };

interface Holdings {
  readonly counts: Record<Counted, number>;
  readonly setups: TokenBucket;
}

/** For each kind of place, the most that any one address holds. */
export type Fullest = Readonly<Record<Counted | 'setups', number>>;

export class AddressLimits {
  readonly #clock: Clock;
  readonly #limits: AddressLimitValues;
  /** By the key of `countedAs`: several addresses can count as one. */
  readonly #holdings = new Map<string, Holdings>();
  /** Pending while anybody is known. */
  #cancelSweep: Cancel | undefined;

  constructor(clock: Clock, limits: AddressLimitValues) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#holdings.size;
  }

  /** One more request of the address. */
  setUp(key: string): SetupVerdict {
    const waitMs = this.#of(key).setups.take(this.#clock.now());
    if (waitMs === 0) return { kind: 'granted' };
    const retrySeconds = Math.min(MAX_SETUP_RETRY_SECONDS, Math.ceil(waitMs / 1_000));
    return { kind: 'too_fast', perSecond: this.#limits.setups, retrySeconds };
  }

  /** One more place for the address, if it has not reached its limit. */
  acquire(key: string, kind: Counted): AddressVerdict {
    const limit = this.#limits[kind];
    const { counts } = this.#of(key);
    if (counts[kind] >= limit) return { kind: 'too_many', limit, retrySeconds: TOO_MANY_RETRY_SECONDS };
    counts[kind] += 1;
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      counts[kind] -= 1;
    };
    return { kind: 'granted', slot: { release } };
  }

  /** For each kind, the most that any one address holds now. */
  fullest(): Fullest {
    const fullest = { links: 0, waiting: 0, sessions: 0, downloads: 0, setups: 0 };
    const now = this.#clock.now();
    for (const { counts, setups } of this.#holdings.values()) {
      for (const kind of Object.keys(counts) as Counted[])
        fullest[kind] = Math.max(fullest[kind], counts[kind]);
      fullest.setups = Math.max(fullest.setups, setups.missing(now));
    }
    return fullest;
  }

  /** Forgets every address and ends the timer. May be called twice. */
  stop(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    this.#holdings.clear();
  }

  #of(key: string): Holdings {
    const known = this.#holdings.get(key);
    if (known !== undefined) return known;
    const { setups: perSecond, burst } = this.#limits;
    const holdings: Holdings = {
      counts: { links: 0, waiting: 0, sessions: 0, downloads: 0 },
      setups: new TokenBucket({ perSecond, burst }, this.#clock.now()),
    };
    this.#holdings.set(key, holdings);
    this.#cancelSweep ??= this.#clock.after(SWEEP_EVERY_MS, this.#sweep);
    return holdings;
  }

  readonly #sweep = (): void => {
    const now = this.#clock.now();
    for (const [key, { counts, setups }] of this.#holdings) {
      const hasNothing = Object.values(counts).every((count) => count === 0);
      if (hasNothing && setups.isFull(now)) this.#holdings.delete(key);
    }
    this.#cancelSweep =
      this.#holdings.size === 0 ? undefined : this.#clock.after(SWEEP_EVERY_MS, this.#sweep);
  };
}
