// Patience: what stands in the way of a link, since when, and whether another attempt makes sense.
import type { Clock } from '#shared/time/clock.ts';
import type { LinkFailure } from './link-failure.ts';

/** When one kind of trouble was met, on the Clock, in milliseconds. */
interface Trouble {
  readonly firstAt: number;
  readonly lastAt: number;
}

/** What to do after a failed attempt. `retry_and_tell`: this trouble has not been reported yet. */
export type Verdict = 'give_up' | 'retry' | 'retry_and_tell';

/** Remembers every kind of trouble until a link is up. */
export class Patience {
  readonly #clock: Clock;
  readonly #troubles = new Map<LinkFailure['kind'], Trouble>();
  #last: LinkFailure['kind'] | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An attempt has failed. While the agent `isBusy` it does not give up an ID that went to another agent. */
  met({ kind, patienceMs }: LinkFailure, isBusy: boolean): Verdict {
    const now = this.#clock.now();
    const met = this.#troubles.get(kind);
    // If something else has been in the way for that long, it is not the same trouble any more.
    const isNew = met === undefined || (this.#last !== kind && now - met.lastAt >= patienceMs);
    const firstAt = isNew ? now : met.firstAt;
    this.#troubles.set(kind, { firstAt, lastAt: now });
    this.#last = kind;
    if (now - firstAt >= patienceMs) return kind === 'usurped' && isBusy ? 'retry' : 'give_up';
    return isNew ? 'retry_and_tell' : 'retry';
  }

  /** How long the patience with such a failure still lasts, in milliseconds. */
  remainingMs({ kind, patienceMs }: LinkFailure): number {
    const now = this.#clock.now();
    return patienceMs - (now - (this.#troubles.get(kind)?.firstAt ?? now));
  }

  /** A link is up. */
  forget(): void {
    this.#troubles.clear();
  }
}
