// Provider refusals: what the errors of openid-client mean to the person who signs on.
import {
  AuthorizationResponseError,
  ClientError,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client';
import { faultText } from '#shared/text/fault-text.ts';
import { recordOf } from '#shared/text/json-record.ts';
import { printable } from '#shared/text/printable.ts';
import type { SignOnPending, SignOnRefusal } from './needs.ts';
import { ProviderAway } from './provider-fetch.ts';

/** How far the clocks of the relay and of the provider may be apart, in seconds. */
export const PROVIDER_CLOCK_TOLERANCE_SECONDS = 60;

/** More of a word of the provider's is not repeated, in characters. */
const MAX_SHOWN_WORD_CHARACTERS = 80;

/** Errors of RFC 6749 sections 4.1.2.1 and 5.2 that pass. */
const PASSING: readonly string[] = ['server_error', 'temporarily_unavailable'];

/** Codes of openid-client for an answer that is none. */
const NO_ANSWER: readonly string[] = [
  'OAUTH_ABORT',
  'OAUTH_PARSE_ERROR',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_TIMEOUT',
];

const AGAIN = 'sign on again';

/** What `error`, thrown by openid-client, comes to. */
export function providerRefusalFrom(error: unknown): SignOnRefusal | SignOnPending {
  if (error instanceof ResponseBodyError) return fromWord(error.error, error);
  if (error instanceof AuthorizationResponseError) return fromWord(error.error, error);
  // RFC 6749 section 5.2: of a client that the provider does not know, or whose secret is another one.
  if (error instanceof WWWAuthenticateChallengeError) return fromWord('invalid_client', error);
  const away = [error, error instanceof Error ? error.cause : undefined].find(
    (fault) => fault instanceof ProviderAway,
  );
  if (away !== undefined) return unavailable(away);
  if (!(error instanceof ClientError)) return unavailable(error);
  const { code = '' } = error;
  if (NO_ANSWER.includes(code)) return unavailable(error);
  return refused(`${faultOfToken(error, code)}: ${AGAIN}, or ask whoever runs this relay`, error);
}

/** The provider is away. Whose fault that is goes into the log. */
export function unavailable(fault: unknown): SignOnRefusal {
  const message = 'the provider of single sign-on does not answer as it should: try again in a minute';
  return { kind: 'refused', code: 'issuer_unavailable', message, cause: causeOf(fault) };
}

export function refused(message: string, fault?: unknown): SignOnRefusal {
  const cause = fault === undefined ? {} : { cause: causeOf(fault) };
  return { kind: 'refused', code: 'sso_refused', message, ...cause };
}

export function expired(message: string): SignOnRefusal {
  return { kind: 'refused', code: 'sso_expired', message };
}

/** The words of RFC 6749 and RFC 8628 section 3.5. */
function fromWord(word: string, error: unknown): SignOnRefusal | SignOnPending {
  if (PASSING.includes(word)) return unavailable(error);
  switch (word) {
    case 'authorization_pending':
      return { kind: 'pending', slowDown: false };
    case 'slow_down':
      return { kind: 'pending', slowDown: true };
    case 'expired_token':
      return expired(`nobody has signed on in time: ${AGAIN}`);
    case 'access_denied':
      return refused(`the sign-on was turned down at the provider: ${AGAIN}, if that was a mistake`);
    case 'invalid_grant':
      return refused(`the provider has ended this sign-on, or it was used before: ${AGAIN}`);
    default: {
      const shown = printable(word, MAX_SHOWN_WORD_CHARACTERS);
      return refused(`the provider refuses this relay (${shown}): ask whoever runs this relay`, error);
    }
  }
}

/** What is wrong with what the provider sent, or with how the browser came back. */
function faultOfToken(error: ClientError, code: string): string {
  const { cause } = error;
  const { claim } = recordOf(cause instanceof Error ? cause.cause : undefined) ?? {};
  switch (code) {
    case 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED':
      return "the provider's token is outside its time, by the clock of this relay";
    case 'OAUTH_JWT_CLAIM_COMPARISON_FAILED':
      return claim === 'nonce'
        ? "the provider's token was made for another sign-on"
        : `the provider's token was not made for this relay (${printable(String(claim), MAX_SHOWN_WORD_CHARACTERS)})`;
    case 'OAUTH_KEY_SELECTION_FAILED':
      return 'the provider has no key of the name that its token was signed with';
    default:
      return 'what the provider has sent does not count';
  }
}

/** The errors of openid-client say in their cause what was wrong. */
function causeOf(fault: unknown): string {
  const { cause } = fault instanceof Error ? fault : {};
  const texts = [fault, ...(cause instanceof Error ? [cause] : [])].map(faultText);
  return printable([...new Set(texts)].join(': '));
}
