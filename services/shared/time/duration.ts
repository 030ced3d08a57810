// Durations as people write them: "90s", "10m", "2h", "1h30m"; a plain number is seconds.

/** Maximum of any duration that somebody sets; timers hold 24 days. */
export const MAX_DURATION_MS = 7 * 86_400_000;

const UNITS_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;
const PATTERN = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/;

export type ParsedDuration =
  | { readonly kind: 'duration'; readonly ms: number }
  /** `fault` names the value and the way out. */
  | { readonly kind: 'invalid'; readonly fault: string };

/** Reads a duration of `minimumMs` to MAX_DURATION_MS. Never throws. */
export function parseDuration(text: string, minimumMs = 1_000): ParsedDuration {
  const value = text.trim().toLowerCase();
  const ms = /^\d+$/.test(value) ? Number(value) * UNITS_MS.s : msFromUnits(value);
  if (ms === undefined) {
    return { kind: 'invalid', fault: `"${text}" is not a duration: write it like 90s, 10m, 2h or 1h30m` };
  }
  if (ms < minimumMs) {
    return { kind: 'invalid', fault: `"${text}" is too short: at least ${formatCompact(minimumMs)}` };
  }
  if (ms > MAX_DURATION_MS) {
    return { kind: 'invalid', fault: `"${text}" is too long: at most ${formatCompact(MAX_DURATION_MS)}` };
  }
  return { kind: 'duration', ms };
}

/** For people: "45 seconds", "1 minute", "1 hour 30 minutes"; two units at most, rounded to the second. */
export function formatDuration(ms: number): string {
  const parts = partsOf(ms).map(({ count, unit }) => `${count} ${count === 1 ? unit : `${unit}s`}`);
  return parts.slice(0, 2).join(' ');
}

/** As `formatDuration`, for what has passed: below a second it says so. */
export function formatElapsed(ms: number): string {
  return ms < UNITS_MS.s ? 'less than a second' : formatDuration(ms);
}

/** For commands: "45s", "1m", "1h30m", exact to the second; parseDuration reads it back. */
export function formatCompact(ms: number): string {
  return partsOf(ms)
    .map(({ count, unit }) => `${count}${unit.charAt(0)}`)
    .join('');
}

/** Whole minutes, but for the last one: where "9 minutes 58 seconds" says no more than "10 minutes". */
export function roundToMinute(ms: number): number {
  return ms < UNITS_MS.m ? ms : Math.round(ms / UNITS_MS.m) * UNITS_MS.m;
}

function msFromUnits(value: string): number | undefined {
  const match = PATTERN.exec(value);
  if (match === null || value === '') return undefined;
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = match;
  return (
    Number(days) * UNITS_MS.d +
    Number(hours) * UNITS_MS.h +
    Number(minutes) * UNITS_MS.m +
    Number(seconds) * UNITS_MS.s
  );
}

function partsOf(ms: number): { count: number; unit: string }[] {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const parts = [
    { count: Math.floor(seconds / 86_400), unit: 'day' },
    { count: Math.floor(seconds / 3_600) % 24, unit: 'hour' },
    { count: Math.floor(seconds / 60) % 60, unit: 'minute' },
    { count: seconds % 60, unit: 'second' },
  ].filter(({ count }) => count > 0);
  return parts.length > 0 ? parts : [{ count: 0, unit: 'second' }];
}
