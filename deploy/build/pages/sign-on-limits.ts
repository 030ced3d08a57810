// The limits of single sign-on, for the page of limits.
import { MAX_SIGN_ON_BODY_BYTES } from '#shared/protocol/sign-on.ts';
import { ADDRESS_SIGN_ONS, POD_SIGN_ONS } from '../../../services/relay/limits/sign-on-limits.ts';
import {
  MAX_CLAIM_CHARACTERS,
  MAX_COUNTED_CLAIMS_BYTES,
} from '../../../services/relay/sso/claims-that-count.ts';
import { MAX_PROVIDER_SECRET_CHARACTERS } from '../../../services/relay/sso/provider.ts';
import {
  MAX_PROVIDER_ANSWER_BYTES,
  PROVIDER_TIMEOUT_MS,
} from '../../../services/relay/sso/provider-fetch.ts';
import { METADATA_LIFE_MS, METADATA_RETRY_MS } from '../../../services/relay/sso/provider-metadata.ts';
import { PROVIDER_CLOCK_TOLERANCE_SECONDS } from '../../../services/relay/sso/provider-refusal.ts';
import { SIGN_ON_TOKEN_LIFE_MS, TRIP_LIFE_MS } from '../../../services/relay/sso/sign-on-desk.ts';
import type { FixedLimit } from './fixed-limit.ts';

export const SIGN_ON_LIMITS: Readonly<Record<string, readonly FixedLimit[]>> = {
  'Relay: single sign-on': [
    {
      what: 'questions of one client address to the provider, at once',
      value: ADDRESS_SIGN_ONS.burst,
      unit: 'count',
      past: '429 with Retry-After (`address_sign_ons`)',
    },
    {
      what: 'the same, each second in the long run',
      value: ADDRESS_SIGN_ONS.perSecond,
      unit: 'count',
      past: '429 with Retry-After (`address_sign_ons`)',
    },
    {
      what: 'questions of one pod to the provider, at once',
      value: POD_SIGN_ONS.burst,
      unit: 'count',
      past: '503 `overloaded` with Retry-After (`pod_sign_ons`)',
    },
    {
      what: 'the same, each second in the long run',
      value: POD_SIGN_ONS.perSecond,
      unit: 'count',
      past: '503 `overloaded` with Retry-After (`pod_sign_ons`)',
    },
    {
      what: 'the body of a question to the relay',
      value: MAX_SIGN_ON_BODY_BYTES,
      unit: 'bytes',
      past: '413 `malformed_request`',
    },
    {
      what: 'an answer of the provider',
      value: MAX_PROVIDER_ANSWER_BYTES,
      unit: 'bytes',
      past: '503 `issuer_unavailable`',
    },
    {
      what: 'until it has answered to the last byte',
      value: PROVIDER_TIMEOUT_MS,
      unit: 'ms',
      past: '503 `issuer_unavailable`',
    },
    {
      what: 'what a provider says of itself is kept for',
      value: METADATA_LIFE_MS,
      unit: 'ms',
      past: 'it is asked again; meanwhile and when it is away, the last answer counts',
    },
    {
      what: 'after a failure it is not asked for that again within',
      value: METADATA_RETRY_MS,
      unit: 'ms',
      past: 'it is asked again',
    },
    {
      what: 'how far the clocks of relay and provider may be apart',
      value: PROVIDER_CLOCK_TOLERANCE_SECONDS,
      unit: 's',
      past: '401 `sso_refused`',
    },
    {
      what: 'a browser at the provider',
      value: TRIP_LIFE_MS,
      unit: 'ms',
      past: '401 `sso_expired`',
    },
    {
      what: 'a token, whatever the provider says',
      value: SIGN_ON_TOKEN_LIFE_MS,
      unit: 'ms',
      past: '401 `sso_expired`, until it is refreshed',
    },
    {
      what: 'a claim, in characters',
      value: MAX_CLAIM_CHARACTERS,
      unit: 'count',
      past: 'it does not count',
    },
    {
      what: 'all the claims that count of one person',
      value: MAX_COUNTED_CLAIMS_BYTES,
      unit: 'bytes',
      past: 'the rest do not count',
    },
    {
      what: 'a device code or refresh token of the provider, in characters',
      value: MAX_PROVIDER_SECRET_CHARACTERS,
      unit: 'count',
      past: '503 `issuer_unavailable`; no refresh',
    },
  ],
};
