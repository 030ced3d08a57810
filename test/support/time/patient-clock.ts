// A manual clock on which the time of an attempt is over when a test says so: a busy machine may take its time to ask and to answer.
import type { Cancel } from '#shared/time/clock.ts';
import { ManualClock } from './manual-clock.ts';

export class PatientClock extends ManualClock {
  readonly #attemptMs: number;
  readonly #attempts = new Set<() => void>();

  /** `attemptMs`: who waits for so long waits for the end of an attempt. */
  constructor(attemptMs: number, start?: number) {
    super(start);
    this.#attemptMs = attemptMs;
  }

  override after(ms: number, callback: () => void): Cancel {
    if (ms !== this.#attemptMs) return super.after(ms, callback);
    this.#attempts.add(callback);
    return () => {
      this.#attempts.delete(callback);
    };
  }

  /** How many are under way. */
  get attempts(): number {
    return this.#attempts.size;
  }

  /** The time of those that are under way is over. */
  giveUp(): void {
    for (const callback of this.#attempts) callback();
  }
}
