// The life of an agent, as the people who wait for it see it; when it ends is decided in expiry/. Pure: no relay, no timers;
// times are passed in.
//
//   calling --a relay takes it--> linked --lost--> cut_off --a relay takes it--> linked
//   every state --its time is over, or it failed--> ending
import type { Cancel } from '#shared/time/clock.ts';

/** What holds from the first welcome on. */
interface Announced {
  /** http(s)://HOST, the address that was announced to people. */
  readonly publicUrl: string;
  /** Of the line in the job log that is printed again and again. */
  readonly cancelReminder: Cancel;
}

/** A relay has it, and lets people in. */
export type Linked = Announced & { readonly kind: 'linked' };
/** No relay has it since then, in milliseconds on the Clock; it dials. */
export type CutOff = Announced & { readonly kind: 'cut_off'; readonly since: number };

/** The whole life. */
export type Life =
  /** No relay has taken it yet, and nothing has been announced. */
  { readonly kind: 'calling' } | Linked | CutOff | { readonly kind: 'ending' };

export const CALLING: Life = { kind: 'calling' };
export const ENDING: Life = { kind: 'ending' };

/** The first relay has taken it. */
export function announced(announcement: Announced): Linked {
  return { kind: 'linked', ...announcement };
}

/** The last link is lost. */
export function cutOff({ publicUrl, cancelReminder }: Linked, now: number): CutOff {
  return { kind: 'cut_off', publicUrl, cancelReminder, since: now };
}

/** Another relay has taken it, or the same one again. What was announced to people stays. */
export function linkedAgain({ publicUrl, cancelReminder }: CutOff): Linked {
  return { kind: 'linked', publicUrl, cancelReminder };
}
