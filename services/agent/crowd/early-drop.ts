// Random early drop: the chance that somebody has to go when one more comes, by how many are waiting.

/** As in sshd's MaxStartups `start:rate:full` (sshd_config(5)). */
export interface EarlyDrop {
  /** While fewer are waiting nobody has to go. */
  readonly start: number;
  /** The chance at `start`, in percent. */
  readonly rate: number;
  /** From this many on somebody always has to go. */
  readonly full: number;
}

/** In [0, 1]: 0 below `start`, `rate` at `start`, and then in a straight line up to 1 at `full`. */
export function dropChance({ start, rate, full }: EarlyDrop, waiting: number): number {
  if (waiting < start) return 0;
  if (waiting >= full) return 1;
  const base = rate / 100;
  return base + ((1 - base) * (waiting - start)) / (full - start);
}
