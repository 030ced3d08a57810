// A throttle: lets one of a kind through per interval, and remembers how many it held back.
import type { Clock } from '#shared/time/clock.ts';

interface Passage {
  readonly at: number;
  heldBack: number;
}

export class Throttle {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #passages = new Map<string, Passage>();

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  /** How many of this kind were held back since the last one that passed; undefined if this one is held back too. */
  pass(kind: string): number | undefined {
    const now = this.#clock.now();
    const last = this.#passages.get(kind);
    if (last !== undefined && now - last.at < this.#intervalMs) {
      last.heldBack += 1;
      return undefined;
    }
    this.#passages.set(kind, { at: now, heldBack: 0 });
    return last?.heldBack ?? 0;
  }
}
