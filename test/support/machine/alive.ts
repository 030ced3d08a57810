// Whether a process runs, by its number.
import { readFileSync } from 'node:fs';

/** False for one that has ended and that nobody has waited for yet: an orphan may stay like that for seconds. */
export function isAlive(pid: number | undefined): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
  } catch {
    return false;
  }
}
