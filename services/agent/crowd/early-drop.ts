// Random early drop: the chance that somebody has to go when one more comes, by how many are waiting.

/** As in sshd's MaxStartups `start:rate:full` (sshd_config(5)). */
export interface EarlyDrop {
  /** Below so many waiting nobody has to go. */
  readonly start: number;
  /** The chance at `start`, in percent. */
  readonly rate: number;
  /** From so many on somebody always has to. */
  readonly full: number;
}

/** In [0, 1]: 0 below `start`, `rate` at `start`, from there in a straight line to 1 at `full`. */
export function dropChance({ start, rate, full }: EarlyDrop, waiting: number): number {
  if (waiting < start) return 0;
  if (waiting >= full) return 1;
  const base = rate / 100;
  return base + ((1 - base) * (waiting - start)) / (full - start);
}
