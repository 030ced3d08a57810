// The memory of this process: how much it has, and how much it may have.
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

/** Readings of one process, in bytes. */
export interface ProcessMemory {
  /** Resident set. */
  resident(): number;
  /** What the container or the machine gives; the resident set cannot be more. */
  readonly residentLimit: number;
  /** V8's heap, with its garbage. */
  heap(): number;
  /** At this size of its heap the process dies. */
  readonly heapLimit: number;
}

/**
 * Of this process. `limitBytes` is what the person who runs it said that it may have; it wins over what the kernel says.
 */
export function processMemory(limitBytes: number | undefined): ProcessMemory {
  return {
    resident: () => process.memoryUsage.rss(),
    // Of the control group, version 1 or 2, of this process or of one above it (libuv reads them).
    residentLimit: memoryLimitFrom({
      told: limitBytes,
      constrained: process.constrainedMemory(),
      machine: totalmem(),
    }),
    heap: () => getHeapStatistics().used_heap_size,
    heapLimit: getHeapStatistics().heap_size_limit,
  };
}

export interface MemoryLimitSources {
  /** What the person who runs it said. */
  readonly told: number | undefined;
  /** What the control group allows. Where it sets no limit, Node says 0, or more than any machine has. */
  readonly constrained: number | undefined;
  readonly machine: number;
}

/** The memory that this process may have, in bytes. */
export function memoryLimitFrom({ told, constrained = 0, machine }: MemoryLimitSources): number {
  if (told !== undefined) return told;
  return constrained > 0 && constrained < machine ? constrained : machine;
}
