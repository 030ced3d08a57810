// A token bucket: so many at once, and then so many per second.

export interface BucketSize {
  readonly perSecond: number;
  /** What it holds when it is full. */
  readonly burst: number;
}

/** Starts full. Times are milliseconds on the Clock. */
export class TokenBucket {
  readonly #size: BucketSize;
  #tokens: number;
  #at: number;

  constructor(size: BucketSize, now: number) {
    this.#size = size;
    this.#tokens = size.burst;
    this.#at = now;
  }

  /** Takes one token. The result is 0, or, when there is none, the milliseconds until there is one. */
  take(now: number): number {
    this.#fill(now);
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.ceil(((1 - this.#tokens) * 1_000) / this.#size.perSecond);
  }

  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens >= this.#size.burst;
  }

  /** Tokens that are out. */
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
