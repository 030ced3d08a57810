// A clock that stands still until a test moves it, and whose wall time can be set.
import type { Cancel, Clock } from '#shared/time/clock.ts';

export class ManualClock implements Clock {
  #now: number;
  /** What the wall time is ahead of the clock. */
  #ahead = 0;
  #sequence = 0;
  readonly #timers = new Map<number, { at: number; callback: () => void }>();

  constructor(start = 1_000_000) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#now + this.#ahead;
  }

  after(ms: number, callback: () => void): Cancel {
    const key = this.#sequence++;
    this.#timers.set(key, { at: this.#now + Math.max(0, ms), callback });
    return () => {
      this.#timers.delete(key);
    };
  }

  /** Sets the machine's clock `ms` ahead or, below 0, back, as an administrator or a time server does. */
  stepWall(ms: number): void {
    this.#ahead += ms;
  }

  /** How many timers are pending. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves time on by `ms`, firing what falls due in order, timers set by timers included. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#nextDue(end);
      if (next === undefined) break;
      this.#timers.delete(next.key);
      this.#now = next.at;
      next.callback();
    }
    this.#now = end;
  }

  #nextDue(end: number): { key: number; at: number; callback: () => void } | undefined {
    let due: { key: number; at: number; callback: () => void } | undefined;
    for (const [key, timer] of this.#timers) {
      if (timer.at <= end && (due === undefined || timer.at < due.at)) due = { key, ...timer };
    }
    return due;
  }
}
