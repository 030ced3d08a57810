// The parts of the gate.
import type { GatehouseOptions } from './gatehouse.ts';

export type GateParts = Pick<GatehouseOptions, 'policy' | 'identities' | 'judge'>;

/** No policy yet. */
export function gatePartsOf(): GateParts {
  const nobody = () => ({ kind: 'refused', code: 'not_admitted', message: 'nobody' }) as const;
  return {
    policy: { current: undefined },
    identities: { challenge: () => '', check: () => Promise.resolve(nobody()) },
    judge: { agent: nobody, client: nobody, kindsAsked: () => [] },
  };
}
