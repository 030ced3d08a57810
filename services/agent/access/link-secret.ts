// The link secret: what a link for a browser lets in with, once and for a short time. Only its digest is kept.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '#shared/time/clock.ts';
import { makePassword } from './random-token.ts';

/** From the card on, in milliseconds: whoever waits for the job follows the link soon, whoever reads the log later must not. */
export const LINK_SECRET_WITHIN_MS = 10 * 60 * 1_000;

/** One at a time: another takes the place of the one before, which lets nobody in any more. */
export class LinkSecret {
  readonly #clock: Clock;
  /** `until` is on the Clock. */
  #open: { readonly digest: Buffer; readonly until: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Makes one, which nobody can ask for again. */
  make(): string {
    const secret = makePassword();
    this.#open = { digest: digestOf(secret), until: this.#clock.now() + LINK_SECRET_WITHIN_MS };
    return secret;
  }

  /** Whether `text` lets in now. It takes the same time for every text, spent, expired or wrong. */
  matches(text: string): boolean {
    const digest = digestOf(text);
    const isSame = timingSafeEqual(digest, this.#open?.digest ?? Buffer.alloc(digest.length));
    return isSame && this.#open !== undefined && this.#clock.now() < this.#open.until;
  }

  /** Somebody came in with it. */
  spend(): void {
    this.#open = undefined;
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
