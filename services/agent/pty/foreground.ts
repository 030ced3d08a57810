// The foreground of a terminal: whether the program that was started on it, or one that it runs, has it now.
import { readFileSync } from 'node:fs';
import type { Foreground } from '../platform/programs.ts';

/** Of the terminal of `pid`. Undefined where the system does not say, which is without /proc, or the process is gone. */
export function foregroundOf(pid: number): Foreground | undefined {
  try {
    return foregroundIn(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/**
 * Reads `/proc/PID/stat` (proc(5)); the name of the program, in brackets, may hold anything. No program ends without a page fault, and
 * those of a child are its parent's once that has waited for it.
 */
export function foregroundIn(stat: string): Foreground | undefined {
  const [, , group, , , foreground, , , faults] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (group === undefined || foreground === undefined || foreground === '-1') return undefined;
  return { isTaken: group !== foreground, ended: Number(faults) };
}
