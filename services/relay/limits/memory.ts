// ProcessMemory: how much of it this process has, and how much it may have.
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

/** Readings of one process, in bytes. */
export interface ProcessMemory {
  /** Resident set. */
  resident(): number;
  /** What the container or the machine gives; the resident set cannot be more. */
  readonly residentLimit: number;
  /** Of V8's heap, garbage included. */
  heap(): number;
  /** At this size of its heap the process dies. */
  readonly heapLimit: number;
}

/** This process. `limitBytes`: what it may have, where the kernel does not say. */
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
  /** By the person who runs it. */
  readonly told: number | undefined;
  /** By the control group: 0 or more than any machine has where there is none. */
  readonly constrained: number | undefined;
  readonly machine: number;
}

/** The memory that this process may have, in bytes. */
export function memoryLimitFrom({ told, constrained = 0, machine }: MemoryLimitSources): number {
  if (told !== undefined) return told;
  return constrained > 0 && constrained < machine ? constrained : machine;
}
