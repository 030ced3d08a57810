// Backoff with full jitter: how long to wait before the next attempt.

/** By how much the bound of the next wait grows with each attempt, where nobody says otherwise. */
const USUAL_GROWTH = 2;

/**
 * For a link that was there and is lost. With this growth the bound of the next wait is about the time that has passed so
 * far: after an outage the last peer is back in at most as long again.
 */
export const RETURN_GROWTH = 1.5;

/** Behind this attempt the bound is the longest for every setting there can be, and the power stays a number. */
const GROWN_ATTEMPT = 64;

export interface BackoffOptions {
  /** The bound of the first wait, in milliseconds; it grows with each attempt. */
  readonly firstMs: number;
  /** No wait is longer, in milliseconds. */
  readonly maxMs: number;
  /** The factor from one bound to the next; 2 by default. */
  readonly growth?: number;
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
    const { firstMs, maxMs, growth = USUAL_GROWTH, random } = this.#options;
    const bound = Math.min(maxMs, firstMs * growth ** Math.min(this.#attempt, GROWN_ATTEMPT));
    this.#attempt += 1;
    return Math.floor(random() * bound);
  }

  /** Starts over, after a success. */
  reset(): void {
    this.#attempt = 0;
  }
}
