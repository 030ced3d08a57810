// What the parts of single sign-on say to each other, and what they need of others.
import type { JsonRecord } from '#shared/text/json-record.ts';

/** Why there is no sign-on. `message` is for the person: what is wrong, and the way out. */
export interface SignOnRefusal {
  readonly kind: 'refused';
  readonly code: 'sso_expired' | 'sso_refused' | 'issuer_unavailable';
  readonly message: string;
  /** For the log of whoever runs the relay. */
  readonly cause?: string;
}

/** The person has not answered yet. `slowDown`: ask less often. */
export interface SignOnPending {
  readonly kind: 'pending';
  readonly slowDown: boolean;
}

/** What a provider says of a person, verified. */
export interface Confirmation {
  readonly kind: 'confirmed';
  readonly claims: JsonRecord;
  /** How long the provider's ID token is good, in milliseconds. */
  readonly lifetimeMs: number;
  /** Undefined where it gives none. */
  readonly refreshToken: string | undefined;
}

/** How somebody signs on. */
export const SIGN_ON_WAYS = ['device', 'browser', 'refresh'] as const;
export type SignOnWay = (typeof SIGN_ON_WAYS)[number];

/** What came of it. */
export const SIGN_ON_OUTCOMES = ['begun', 'confirmed', 'refused', 'expired', 'unavailable'] as const;
export type CountedOutcome = (typeof SIGN_ON_OUTCOMES)[number];

/** Counts sign-ons. */
export interface SignOnRecorder {
  signOn(way: SignOnWay, outcome: CountedOutcome): void;
}

/** The outcome that a refusal is counted as. */
export function outcomeOf({ code }: SignOnRefusal): CountedOutcome {
  switch (code) {
    case 'sso_expired':
      return 'expired';
    case 'sso_refused':
      return 'refused';
    case 'issuer_unavailable':
      return 'unavailable';
  }
}
