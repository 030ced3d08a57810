// A token bucket: a number at once, and then a number per second.

/** What may come at once, and what is added to that in each second, up to it. */
export interface Allowance {
  readonly burst: number;
  readonly perSecond: number;
}

/** Starts full. Times are milliseconds on the Clock. */
export class TokenBucket {
  readonly #size: Allowance;
  #tokens: number;
  #at: number;

  constructor(size: Allowance, now: number) {
    this.#size = size;
    this.#tokens = size.burst;
    this.#at = now;
  }

  get perSecond(): number {
    return this.#size.perSecond;
  }

  /** Takes this many tokens. The result is 0, or the milliseconds until there are enough; then none is taken. */
  take(now: number, amount = 1): number {
    const waitMs = this.waitFor(now, amount);
    if (waitMs === 0) this.#tokens -= amount;
    return waitMs;
  }

  /** 0 if this many tokens are there, or the milliseconds until they are; takes none. */
  waitFor(now: number, amount: number): number {
    this.#fill(now);
    return this.#tokens >= amount ? 0 : Math.ceil(((amount - this.#tokens) * 1_000) / this.#size.perSecond);
  }

  /**
   * Takes this many tokens, also where there are not enough: for what has already happened. The result is 0, or the
   * milliseconds until the debt is paid.
   */
  spend(now: number, amount: number): number {
    this.#fill(now);
    this.#tokens -= amount;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1_000) / this.#size.perSecond);
  }

  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens >= this.#size.burst;
  }

  /** Tokens spent and not yet refilled. */
  missing(now: number): number {
    this.#fill(now);
    return this.#size.burst - this.#tokens;
  }

  #fill(now: number): void {
    const { burst, perSecond } = this.#size;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) * perSecond) / 1_000);
    this.#at = now;
  }
}
