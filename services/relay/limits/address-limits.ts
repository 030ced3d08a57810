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

/**
 * Wrong proofs of one address at once: all jobs behind it may have the same fault in their set-up, and another one with a
 * good proof must still get in. A relay has refused so many in a tenth of a second.
 */
export const WRONG_PROOFS_AT_ONCE = 500;

/** What one address may add to them in each second. */
export const WRONG_PROOFS_PER_SECOND = 10;

interface Holdings {
  readonly counts: Record<Counted, number>;
  readonly setups: TokenBucket;
  /** Undefined: none was shown for a while. */
  proofs: TokenBucket | undefined;
}

/** For each kind of place, the most that any one address holds. */
export type Fullest = Readonly<Record<Counted | 'setups' | 'proofs', number>>;

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

  /** One more proof of the address, taken for a wrong one. The result is 0, or the milliseconds until one is looked at. */
  takeProof(key: string): number {
    const now = this.#clock.now();
    const holdings = this.#of(key);
    const size = { burst: WRONG_PROOFS_AT_ONCE, perSecond: WRONG_PROOFS_PER_SECOND };
    return (holdings.proofs ??= new TokenBucket(size, now)).take(now);
  }

  /** One that was taken was not wrong. */
  forgiveProof(key: string): void {
    this.#holdings.get(key)?.proofs?.spend(this.#clock.now(), -1);
  }

  /** For each kind, the most that any one address holds now. */
  fullest(): Fullest {
    const fullest = { links: 0, waiting: 0, sessions: 0, downloads: 0, setups: 0, proofs: 0 };
    const now = this.#clock.now();
    for (const { counts, setups, proofs } of this.#holdings.values()) {
      fullest.proofs = Math.max(fullest.proofs, proofs?.missing(now) ?? 0);
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
      proofs: undefined,
    };
    this.#holdings.set(key, holdings);
    this.#cancelSweep ??= this.#clock.after(SWEEP_EVERY_MS, this.#sweep);
    return holdings;
  }

  readonly #sweep = (): void => {
    const now = this.#clock.now();
    for (const [key, holdings] of this.#holdings) {
      const { counts, setups } = holdings;
      if (holdings.proofs?.isFull(now) === true) holdings.proofs = undefined;
      const hasNothing = holdings.proofs === undefined && Object.values(counts).every((count) => count === 0);
      if (hasNothing && setups.isFull(now)) this.#holdings.delete(key);
    }
    this.#cancelSweep =
      this.#holdings.size === 0 ? undefined : this.#clock.after(SWEEP_EVERY_MS, this.#sweep);
  };
}
