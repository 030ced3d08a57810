// The limits of sign-ons: how often the provider of single sign-on is asked, since its patience is not the relay's to spend.
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { type Allowance, TokenBucket } from '#shared/time/token-bucket.ts';
import type { Level } from './pod-limits.ts';

/**
 * Questions of one client address: 50 people of one office who begin in the same minute, each asking every 5 s.
 */
export const ADDRESS_SIGN_ONS: Allowance = { burst: 200, perSecond: 10 };

/** Questions of one pod. */
export const POD_SIGN_ONS: Allowance = { burst: 500, perSecond: 50 };

/** How often addresses are forgotten that have asked for nothing recently, in milliseconds. */
const SWEEP_EVERY_MS = 15_000;

export interface SignOnLimitMet {
  readonly of: 'address' | 'pod';
  readonly retrySeconds: number;
}

export class SignOnLimits {
  readonly #clock: Clock;
  readonly #addresses = new Map<string, TokenBucket>();
  readonly #pod: TokenBucket;
  /** Pending while anybody is known. */
  #cancelSweep: Cancel | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#pod = new TokenBucket(POD_SIGN_ONS, clock.now());
  }

  /** One more question of the address that counts as `key`; undefined, if no limit per address is for it. */
  take(key: string | undefined): SignOnLimitMet | undefined {
    const now = this.#clock.now();
    const addressMs = key === undefined ? 0 : this.#of(key).take(now);
    if (addressMs > 0) return { of: 'address', retrySeconds: Math.ceil(addressMs / 1_000) };
    const podMs = this.#pod.take(now);
    return podMs > 0 ? { of: 'pod', retrySeconds: Math.ceil(podMs / 1_000) } : undefined;
  }

  /** How much is taken; of addresses, by the one that has taken most. */
  levels(): Readonly<Record<'address' | 'pod', Level>> {
    const now = this.#clock.now();
    let most = 0;
    for (const bucket of this.#addresses.values()) most = Math.max(most, bucket.missing(now));
    return {
      address: { used: most, max: ADDRESS_SIGN_ONS.burst },
      pod: { used: this.#pod.missing(now), max: POD_SIGN_ONS.burst },
    };
  }

  /** Forgets every address and ends the timer. May be called twice. */
  stop(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    this.#addresses.clear();
  }

  #of(key: string): TokenBucket {
    const known = this.#addresses.get(key);
    if (known !== undefined) return known;
    const bucket = new TokenBucket(ADDRESS_SIGN_ONS, this.#clock.now());
    this.#addresses.set(key, bucket);
    this.#cancelSweep ??= this.#clock.after(SWEEP_EVERY_MS, this.#sweep);
    return bucket;
  }

  readonly #sweep = (): void => {
    const now = this.#clock.now();
    for (const [key, bucket] of this.#addresses) if (bucket.isFull(now)) this.#addresses.delete(key);
    this.#cancelSweep =
      this.#addresses.size === 0 ? undefined : this.#clock.after(SWEEP_EVERY_MS, this.#sweep);
  };
}
