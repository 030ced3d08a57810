// The fixed limits of tokens of CI systems and of the keys of their issuers: rows of docs/limits.md.
import { MAX_ISSUER_ANSWER_BYTES } from '../../../services/relay/identity/oidc/issuer-get.ts';
import {
  FETCH_KEYS_EVERY_MS,
  FETCH_KEYS_WITHIN_MS,
  KEYS_STALE_MS,
  MAX_TOKENS_WAITING,
  RETRY_KEYS_EVERY_MS,
} from '../../../services/relay/identity/oidc/issuer-keys.ts';
import { MAX_TOKEN_CHARACTERS } from '../../../services/relay/identity/oidc/issuer-token.ts';
import {
  KEYS_FRESH_MS,
  MAX_KEYS_FRESH_MS,
  MIN_KEYS_FRESH_MS,
} from '../../../services/relay/identity/oidc/key-fetch.ts';
import { MAX_ISSUER_KEYS } from '../../../services/relay/identity/oidc/key-set.ts';
import { MAX_TOKEN_RSA_BITS } from '../../../services/relay/identity/oidc/signature-key.ts';
import { ISSUER_SKEW_MS, MAX_TOKEN_AGE_MS } from '../../../services/relay/identity/oidc/token-times.ts';
import type { FixedLimit } from './fixed-limit.ts';

export const TOKEN_LIMITS: readonly FixedLimit[] = [
  {
    what: 'a token, in characters',
    value: MAX_TOKEN_CHARACTERS,
    unit: 'count',
    past: '401 `token_malformed`',
  },
  {
    what: 'how old a token may be, whatever it says of its own end',
    value: MAX_TOKEN_AGE_MS,
    unit: 'ms',
    past: '401 `token_expired`',
  },
  {
    what: 'how far the clocks of an issuer and of a relay may be apart',
    value: ISSUER_SKEW_MS,
    unit: 'ms',
    past: '401 `token_expired`, `token_not_yet_valid`',
  },
  {
    what: 'an RSA key of an issuer, in bits',
    value: MAX_TOKEN_RSA_BITS,
    unit: 'count',
    past: 'it does not count; neither does one of fewer than 2,048',
  },
  {
    what: 'keys of an issuer',
    value: MAX_ISSUER_KEYS,
    unit: 'count',
    past: 'none of them counts',
  },
  {
    what: 'an answer of an issuer',
    value: MAX_ISSUER_ANSWER_BYTES,
    unit: 'bytes',
    past: 'the fetch has failed (`too_large`)',
  },
  {
    what: 'the fetch of the keys of an issuer, two requests',
    value: FETCH_KEYS_WITHIN_MS,
    unit: 'ms',
    past: 'it has failed (`too_slow`)',
  },
  {
    what: 'from one fetch of the keys of an issuer to the next, whoever asks',
    value: FETCH_KEYS_EVERY_MS,
    unit: 'ms',
    past: 'before that an unknown key is 401 `token_unknown_key`',
  },
  {
    what: 'the same while there are no keys',
    value: RETRY_KEYS_EVERY_MS,
    unit: 'ms',
    past: 'before that 503 `issuer_unavailable`',
  },
  {
    what: 'tokens that wait for the keys of one issuer',
    value: MAX_TOKENS_WAITING,
    unit: 'count',
    past: '503 `issuer_unavailable`',
  },
  {
    what: 'how long keys are fresh, if their issuer asks for longer',
    value: MAX_KEYS_FRESH_MS,
    unit: 'ms',
    past: 'they are fetched again',
  },
  {
    what: 'the same, if it asks for less',
    value: MIN_KEYS_FRESH_MS,
    unit: 'ms',
    past: 'they are fetched again',
  },
  {
    what: 'the same, if it asks for nothing',
    value: KEYS_FRESH_MS,
    unit: 'ms',
    past: 'they are fetched again',
  },
  {
    what: 'how long keys count after that, while their issuer cannot be reached',
    value: KEYS_STALE_MS,
    unit: 'ms',
    past: '503 `issuer_unavailable`',
  },
];
