// The parts of the gate, as the configuration has them: the policy, who checks proofs, and who judges.
import type { Clock } from '#shared/time/clock.ts';
import type { Config } from './config.ts';
import { policyJudge } from './gate/policy-judge.ts';
import { proofCheckOf } from './gate/proof-check.ts';
import type { GatehouseOptions } from './gatehouse.ts';
import type { ClusterKey } from './hop/cluster-key.ts';
import { OPEN_TEXT } from './http/usage/entry-terms.ts';
import type { SignOnCheck } from './identity/identity.ts';
import { issuerGet } from './identity/oidc/issuer-get.ts';
import type { KeyFetchRecorder } from './identity/oidc/issuer-keys.ts';
import { TokenCheck } from './identity/oidc/token-check.ts';
import { type PolicyLog, type PolicyRecorder, PolicyWatch } from './policy/file/policy-watch.ts';
import type { Policy } from './policy/policy.ts';

export type GateParts = Pick<GatehouseOptions, 'policy' | 'identities' | 'judge' | 'startParts'>;

export interface GatePartsOptions {
  readonly config: Pick<Config, 'policy' | 'proxies' | 'publicUrl' | 'trustProxy'>;
  readonly key: ClusterKey;
  readonly clock: Clock;
  readonly log: PolicyLog;
  readonly recorder: PolicyRecorder & KeyFetchRecorder;
  /** Left out: nobody can have signed on. */
  readonly signOn?: SignOnCheck;
}

/** Opens nothing. */
export function gatePartsOf({ config, key, log, ...options }: GatePartsOptions): GateParts {
  const initial = config.policy;
  const audience = config.publicUrl?.origin;
  const watch = initial && new PolicyWatch({ initial, audience, log, ...options });
  return {
    policy: watch ?? { current: undefined },
    identities: proofCheckOf({
      seal: key,
      ci: new TokenCheck({ ...options, log, get: issuerGet(config.proxies) }),
      ...options,
    }),
    judge: policyJudge,
    startParts() {
      if (watch !== undefined) {
        if (config.trustProxy === true && asksForNetworks(watch.current)) log.warn({}, ANY_ADDRESS_TEXT);
        return watch.start();
      }
      log.info({}, OPEN_TEXT);
      return () => undefined;
    },
  };
}

/** Also a proxy that adds to the header passes on what came before it, and the first address in it counts. */
const ANY_ADDRESS_TEXT =
  'TRUST_PROXY is true, so whoever writes X-Forwarded-For chooses the address by which rules of the policy let them in: name the proxies';

function asksForNetworks({ agents = [], clients = [] }: Policy): boolean {
  return [...agents, ...clients].some(({ networks }) => networks !== undefined);
}
