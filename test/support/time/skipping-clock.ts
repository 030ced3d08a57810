// A clock that runs as the machine's does, is set wrong if wanted, and can be moved on by a test.
import type { Cancel, Clock } from '#shared/time/clock.ts';

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

export class SkippingClock implements Clock {
  readonly #timers = new Set<Timer>();
  #offset: number;

  /** `offset`: how far it is ahead of the machine's, in milliseconds. */
  constructor(offset = 0) {
    this.#offset = offset;
  }

  now(): number {
    return Date.now() + this.#offset;
  }

  wallTime(): number {
    return this.now();
  }

  after(ms: number, callback: () => void): Cancel {
    const timer: Timer = {
      at: this.now() + ms,
      fire: () => {
        cancel();
        callback();
      },
    };
    const handle = setTimeout(timer.fire, ms);
    const cancel = (): void => {
      clearTimeout(handle);
      this.#timers.delete(timer);
    };
    this.#timers.add(timer);
    return cancel;
  }

  /** Moves time on by `ms`, and fires what falls due, in order; timers set by timers count from the new time. */
  skip(ms: number): void {
    this.#offset += ms;
    const due = [...this.#timers]
      .filter(({ at }) => at <= this.now())
      .sort((left, right) => left.at - right.at);
    for (const timer of due) if (this.#timers.has(timer)) timer.fire();
  }
}
