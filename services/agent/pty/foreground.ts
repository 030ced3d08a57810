// The foreground of a terminal: whether the program that was started on it, or one that it runs, has it now.
import { readFileSync } from 'node:fs';

/**
 * Whether another process group than that of `pid` has its terminal: for a shell with job control, whether a command runs in the
 * foreground. Undefined where the system does not say, which is without /proc, or the process is gone.
 */
export function hasForegroundCommand(pid: number): boolean | undefined {
  try {
    return foregroundDiffers(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Reads `/proc/PID/stat` (proc(5)); the name of the program, in brackets, may hold anything. */
export function foregroundDiffers(stat: string): boolean | undefined {
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (group === undefined || foreground === undefined || foreground === '-1') return undefined;
  return group !== foreground;
}
