// Retry-After: when somebody who has too much to do wants to be asked again (RFC 9110 section 10.2.3).

/** Nobody is waited for longer on their word, in milliseconds. */
export const MAX_RETRY_AFTER_MS = 60_000;

/** More than this is not a wait but a mistake, in seconds. */
const MAX_BELIEVED_SECONDS = 3_600;

/** Refusals for want of room: 429 and 503. On any other status the header means something else, or nothing. */
const STATUSES: ReadonlySet<number> = new Set([429, 503]);

/**
 * The wait that an answer asks for, in milliseconds, bounded by MAX_RETRY_AFTER_MS. Undefined where it asks for none: no
 * header, another status, a date (the clocks may differ), anything that is not a plain number of seconds, or one that nobody means.
 */
export function parseRetryAfter(status: number, header: string | undefined): number | undefined {
  if (!STATUSES.has(status) || header === undefined || !/^\d{1,9}$/.test(header)) return undefined;
  const seconds = Number(header);
  if (seconds === 0 || seconds > MAX_BELIEVED_SECONDS) return undefined;
  return Math.min(MAX_RETRY_AFTER_MS, seconds * 1_000);
}

/** A wait that was asked for, and up to half as much again: all who got the same answer must not come at once. */
export function spreadWait(ms: number, random: () => number): number {
  return ms + Math.floor((random() * ms) / 2);
}
