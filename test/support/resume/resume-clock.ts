// A clock that jumps from timer to timer, for simulations that are idle for minutes at a time.
import type { Cancel, Clock } from '#shared/time/clock.ts';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export class JumpingClock implements Clock {
  #now = 1_000_000;
  /** Sorted by time, then by age. */
  readonly #timers: Timer[] = [];

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#now;
  }

  get pending(): number {
    return this.#timers.length;
  }

  after(ms: number, callback: () => void): Cancel {
    const timer = { at: this.#now + Math.max(0, ms), callback };
    let place = this.#timers.length;
    while (place > 0 && (this.#timers[place - 1]?.at ?? 0) > timer.at) place -= 1;
    this.#timers.splice(place, 0, timer);
    return () => {
      const place = this.#timers.indexOf(timer);
      if (place >= 0) this.#timers.splice(place, 1);
    };
  }

  /** Fires what is due next. False: nothing is pending. */
  jump(): boolean {
    const next = this.#timers.shift();
    if (next === undefined) return false;
    this.#now = next.at;
    next.callback();
    return true;
  }
}
