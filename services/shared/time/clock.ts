// The clock: time and timers as a value, so that tests need not wait.

/** Cancels a timer; may be called twice, and after the timer fired. */
export type Cancel = () => void;

/**
 * Two readings, which may not be mixed: what is waited for, compared and measured goes by `now`; what people read, what
 * files carry and what travels to other machines goes by `wallTime`.
 */
export interface Clock {
  /**
   * Whole milliseconds from some moment of the past, of this process alone. Only moves on: nobody sets it. While the
   * machine is suspended it stands still, as timers do: a machine that slept has used up none of its time.
   */
  now(): number;
  /** Whole milliseconds since the Unix epoch. Jumps, both ways, when somebody sets the machine's clock. */
  wallTime(): number;
  /** Calls `callback` once, `ms` milliseconds from now. A pending timer keeps the process alive. */
  after(ms: number, callback: () => void): Cancel;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  // CLOCK_MONOTONIC, which also drives the timers.
  now: () => Math.trunc(performance.now()),
  wallTime: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};
