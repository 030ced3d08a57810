// Figures as an operator reads them: counts, bytes, ages and times to come, all short enough for a column.

const THOUSANDS = new Intl.NumberFormat('en');
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

export function countText(count: number): string {
  return THOUSANDS.format(count);
}

/** Three figures at most: `0 B`, `9.8 KiB`, `512 MiB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** The two largest units: `42 s`, `7 min`, `3 h 05 min`, `2 d 4 h`. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** What is left until `at`, or that it is over. */
export function leftText(at: number, now: number): string {
  return at > now ? `in ${spanText(at - now)}` : 'over';
}

/** A moment for people and machines: `2027-01-31 04:05 UTC`. */
export function momentText(at: number): string {
  const isValid = Number.isFinite(at) && Math.abs(at) < 8e15;
  return isValid ? `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC` : 'never';
}

/** In whole percent, and never 100 before it is. */
export function percentText(share: number): string {
  return `${share >= 1 ? Math.floor(share * 100) : Math.min(99, Math.round(share * 100))} %`;
}
