// The times of a token: whether it is one of now (RFC 7519 sections 4.1.4 to 4.1.6).
import type { JsonRecord } from '#shared/text/json-record.ts';

/** How far the clocks of an issuer and of a relay may be apart, in milliseconds. */
export const ISSUER_SKEW_MS = 60_000;

/**
 * How old a token may be, in milliseconds, whatever it says of its own end: GitLab's last as long as their job may, which
 * can be a month, and are in its environment all the time. So long after its start may a job's agent come.
 */
export const MAX_TOKEN_AGE_MS = 24 * 3_600_000;

/** Past this a Date cannot be shown, in milliseconds. */
const MAX_DATE_MS = 8.64e15;

export interface TimeFault {
  readonly code: 'token_expired' | 'token_not_yet_valid' | 'token_bad_claims';
  /** Reads on after "the token". */
  readonly fault: string;
}

/** What is wrong with the times of a token; undefined if nothing is. `now`: milliseconds since the Unix epoch. */
export function timeFaultOf(claims: JsonRecord, now: number): TimeFault | undefined {
  const expires = millisecondsOf(claims['exp']);
  const issued = millisecondsOf(claims['iat']);
  const begins = claims['nbf'] === undefined ? issued : millisecondsOf(claims['nbf']);
  if (expires === undefined) return bad('does not say as a number when it expires (exp)');
  if (issued === undefined) return bad('does not say as a number when it was issued (iat)');
  if (begins === undefined) return bad('does not say as a number when it begins to count (nbf)');
  if (expires + ISSUER_SKEW_MS <= now) {
    const text = `expired at ${timeText(expires)}, and it is ${timeText(now)}: ask the CI system for a new one`;
    return { code: 'token_expired', fault: text };
  }
  if (issued + MAX_TOKEN_AGE_MS + ISSUER_SKEW_MS <= now) {
    const hours = MAX_TOKEN_AGE_MS / 3_600_000;
    const text = `was issued at ${timeText(issued)}, more than ${hours} h ago: start the agent earlier in the job, or ask the CI system for a new one`;
    return { code: 'token_expired', fault: text };
  }
  const from = Math.max(begins, issued);
  if (from > now + ISSUER_SKEW_MS) {
    const text = `counts from ${timeText(from)}, and it is ${timeText(now)}: the clock of the issuer or of this relay is wrong`;
    return { code: 'token_not_yet_valid', fault: text };
  }
  return undefined;
}

/** Of a NumericDate, which is in seconds and may have a fraction. Undefined for what is none: JSON can write 1e999. */
function millisecondsOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value * 1_000 : undefined;
}

function timeText(ms: number): string {
  return Math.abs(ms) <= MAX_DATE_MS ? new Date(ms).toISOString() : `${ms / 1_000} s after the start of 1970`;
}

function bad(fault: string): TimeFault {
  return { code: 'token_bad_claims', fault };
}
