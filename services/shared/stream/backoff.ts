// Backoff with full jitter: how long to wait before the next attempt.

export interface BackoffOptions {
  /** The bound of the first wait, in milliseconds; it doubles with each attempt. */
  readonly firstMs: number;
  /** No wait is longer, in milliseconds. */
  readonly maxMs: number;
  /** In [0, 1); `Math.random` outside tests. */
  readonly random: () => number;
}

/** Waits that are spread evenly over [0, bound], so that many peers that lost the same relay do not come back at once. */
export class Backoff {
  readonly #options: BackoffOptions;
  #attempt = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** The next wait, in milliseconds. */
  next(): number {
    const { firstMs, maxMs, random } = this.#options;
    const bound = Math.min(maxMs, firstMs * 2 ** Math.min(this.#attempt, 30));
    this.#attempt += 1;
    return Math.floor(random() * bound);
  }

  /** Starts over, after a success. */
  reset(): void {
    this.#attempt = 0;
  }
}
