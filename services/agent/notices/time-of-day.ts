// Times of day as people read them. Always UTC: the job and the laptop are seldom in one time zone.

/** "14:03:22 UTC" from milliseconds since the epoch. */
export function formatTimeOfDay(at: number): string {
  return `${new Date(at).toISOString().slice(11, 19)} UTC`;
}

/** "14:03 UTC", or with the date if `at` is on another UTC day than `now`. */
export function formatMoment(at: number, now: number): string {
  const iso = new Date(at).toISOString();
  const time = `${iso.slice(11, 16)} UTC`;
  return iso.slice(0, 10) === new Date(now).toISOString().slice(0, 10) ? time : `${iso.slice(0, 10)} ${time}`;
}
