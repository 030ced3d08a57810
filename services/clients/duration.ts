// Durations on the command line, written as the agent takes them: "90s", "10m", "1h30m"; a plain number is seconds.

const UNITS_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;
const PATTERN = /^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/;

/** Nobody waits longer; timers hold 24 days. */
const MAX_DURATION_MS = 7 * UNITS_MS.d;

/** What a duration looks like, in words for a person. */
export const DURATION_RULE = 'a time like 30s, 5m or 1h30m, at most 7d; 0 is none';

/** Reads a duration, in milliseconds; undefined if it is anything else. */
export function parseDuration(text: string): number | undefined {
  const [whole, d, h, m, s] = PATTERN.exec(/^\d+$/.test(text) ? `${text}s` : text) ?? [];
  if (whole === undefined || whole === '') return undefined;
  const ms =
    Number(d ?? 0) * UNITS_MS.d +
    Number(h ?? 0) * UNITS_MS.h +
    Number(m ?? 0) * UNITS_MS.m +
    Number(s ?? 0) * UNITS_MS.s;
  return ms <= MAX_DURATION_MS ? ms : undefined;
}

/** "30 s", "5 min", "1 h 30 min", for a message. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  const parts = [
    [Math.floor(seconds / 3_600), 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const text = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`);
  return text.length === 0 ? '0 s' : text.join(' ');
}
