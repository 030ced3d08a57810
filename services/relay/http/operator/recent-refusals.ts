// The refusals of the last hour: how many of each code in each minute, in a ring that forgets.
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { RefusalRecorder } from '../door/refusal.ts';

/** How far back, in minutes. */
export const REFUSAL_MINUTES = 60;

const MINUTE_MS = 60_000;

/** By code, the counts of each minute, the oldest first; the last is the minute that runs. */
export type RefusalCounts = Readonly<Partial<Record<RefusalCode, readonly number[]>>>;

interface Ring {
  readonly counts: number[];
  /** The minute of the newest count, in minutes since the Unix epoch. */
  minute: number;
}

export class RecentRefusals implements RefusalRecorder {
  readonly #clock: Clock;
  readonly #rings = new Map<RefusalCode, Ring>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  refused(code: RefusalCode): void {
    const ring = this.#rings.get(code) ?? { counts: emptyHour(), minute: this.#minute };
    this.#rings.set(code, ring);
    this.#turn(ring);
    const at = ring.minute % REFUSAL_MINUTES;
    ring.counts[at] = (ring.counts[at] ?? 0) + 1;
  }

  /** Codes of which there was none are left out. */
  counts(): RefusalCounts {
    const counts: Partial<Record<RefusalCode, readonly number[]>> = {};
    for (const [code, ring] of this.#rings) {
      this.#turn(ring);
      const first = (ring.minute + 1) % REFUSAL_MINUTES;
      const hour = [...ring.counts.slice(first), ...ring.counts.slice(0, first)];
      if (hour.some((count) => count > 0)) counts[code] = hour;
    }
    return counts;
  }

  get #minute(): number {
    return Math.floor(this.#clock.wallTime() / MINUTE_MS);
  }

  /** Forgets the minutes that are over. If somebody has set the clock back, counts go on in the minute that was the newest. */
  #turn(ring: Ring): void {
    const over = Math.min(REFUSAL_MINUTES, this.#minute - ring.minute);
    for (let step = 1; step <= over; step += 1) ring.counts[(this.#minute - step + 1) % REFUSAL_MINUTES] = 0;
    ring.minute = Math.max(ring.minute, this.#minute);
  }
}

export function emptyHour(): number[] {
  return Array<number>(REFUSAL_MINUTES).fill(0);
}
