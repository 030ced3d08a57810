// The limits of the whole pod: what it takes from all addresses together, and whether it has the memory for more.
import type { Clock } from '#shared/time/clock.ts';
import type { Slot } from './address-limits.ts';
import type { Counted, PodLimitValues } from './limit-table.ts';
import type { ProcessMemory } from './process-memory.ts';

/** How often the memory of the process is read at most, in milliseconds: little can be set up in between. */
export const READ_MEMORY_EVERY_MS = 500;

/** The Retry-After of a pod that is full, in seconds. */
export const OVERLOADED_RETRY_SECONDS = 5;

export type PodVerdict =
  | { readonly kind: 'granted'; readonly slot: Slot }
  | { readonly kind: 'full'; readonly of: Counted | 'memory' | 'heap' };

/** How much of a limit is taken, and how much it allows. */
export interface Level {
  readonly used: number;
  readonly max: number;
}

export class PodLimits {
  readonly #clock: Clock;
  readonly #limits: PodLimitValues;
  readonly #memory: ProcessMemory;
  readonly #counts: Record<Counted, number> = { links: 0, waiting: 0, sessions: 0, downloads: 0 };
  #readAt: number | undefined;
  #short: 'memory' | 'heap' | undefined;

  constructor(clock: Clock, limits: PodLimitValues, memory: ProcessMemory) {
    this.#clock = clock;
    this.#limits = limits;
    this.#memory = memory;
  }

  /** One more place, if there is one and memory for it. */
  acquire(kind: Counted): PodVerdict {
    if (this.#counts[kind] >= this.#limits[kind]) return { kind: 'full', of: kind };
    const short = this.shortage();
    return short === undefined ? { kind: 'granted', slot: this.hold(kind) } : { kind: 'full', of: short };
  }

  /** One more place even if the pod is full: for what was let in already. */
  hold(kind: Counted): Slot {
    this.#counts[kind] += 1;
    let isHeld = true;
    return {
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#counts[kind] -= 1;
      },
    };
  }

  /** Which memory is short; read again after READ_MEMORY_EVERY_MS. */
  shortage(): 'memory' | 'heap' | undefined {
    const now = this.#clock.now();
    if (this.#readAt !== undefined && now - this.#readAt < READ_MEMORY_EVERY_MS) return this.#short;
    this.#readAt = now;
    const { memory, heap } = this.levels();
    this.#short = memory.used >= memory.max ? 'memory' : heap.used >= heap.max ? 'heap' : undefined;
    return this.#short;
  }

  levels(): Readonly<Record<Counted | 'memory' | 'heap', Level>> {
    const share = this.#limits.memory / 100;
    const level = (kind: Counted): Level => ({ used: this.#counts[kind], max: this.#limits[kind] });
    return {
      links: level('links'),
      waiting: level('waiting'),
      sessions: level('sessions'),
      downloads: level('downloads'),
      memory: { used: this.#memory.resident(), max: this.#memory.residentLimit * share },
      heap: { used: this.#memory.heap(), max: this.#memory.heapLimit * share },
    };
  }
}
