// The parts of the gate, as the configuration has them: the policy, who checks proofs, and who judges.
import type { Clock } from '#shared/time/clock.ts';
import type { Config } from './config.ts';
import type { ProofBudget } from './gate/needs.ts';
import { policyJudge } from './gate/policy-judge.ts';
import { proofCheckOf } from './gate/proof-check.ts';
import type { GatehouseOptions } from './gatehouse.ts';
import type { ClusterKey } from './hop/cluster-key.ts';
import { OPEN_TEXT } from './http/usage/entry-terms.ts';
import type { CiTokenCheck, SignOnCheck } from './identity/identity.ts';
import { type PolicyLog, type PolicyRecorder, PolicyWatch } from './policy/file/policy-watch.ts';

export type GateParts = Pick<GatehouseOptions, 'policy' | 'identities' | 'judge' | 'budget' | 'startParts'>;

export interface GatePartsOptions {
  readonly config: Pick<Config, 'policy' | 'publicUrl'>;
  readonly key: ClusterKey;
  readonly clock: Clock;
  readonly log: PolicyLog;
  readonly recorder: PolicyRecorder;
  /** Left out: no token of a CI system counts. */
  readonly ci?: CiTokenCheck;
  /** Left out: nobody can have signed on. */
  readonly signOn?: SignOnCheck;
  /** Left out: wrong proofs cost nobody anything. */
  readonly budget?: ProofBudget;
}

/** Opens nothing. */
export function gatePartsOf({ config, key, log, budget, ...options }: GatePartsOptions): GateParts {
  const initial = config.policy;
  const audience = config.publicUrl?.origin;
  const watch = initial && new PolicyWatch({ initial, audience, log, ...options });
  return {
    policy: watch ?? { current: undefined },
    identities: proofCheckOf({ seal: key, ...options }),
    judge: policyJudge,
    budget: budget ?? { waitMs: () => 0, failed: () => undefined },
    startParts() {
      if (watch !== undefined) return watch.start();
      log.info({}, OPEN_TEXT);
      return () => undefined;
    },
  };
}
