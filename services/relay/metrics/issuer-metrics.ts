// What is counted of the issuers of tokens.
import type { Registry } from 'prom-client';
import { FETCH_FAULTS } from '../identity/oidc/issuer-get.ts';
import type { KeyFetchRecorder } from '../identity/oidc/issuer-keys.ts';
import { countFromZero } from './counter.ts';

export function countKeyFetches(register: Registry): KeyFetchRecorder {
  const fetches = countFromZero(
    register,
    'converge_issuer_key_fetches_total',
    'Fetches of the keys of an issuer of tokens, by outcome; the log names the issuer.',
    { outcome: ['fetched', ...FETCH_FAULTS] },
  );
  return {
    keysFetched: (outcome) => {
      fetches.inc({ outcome });
    },
  };
}
