// What is counted at the gate: who was let in, by which rule.
import { Counter, type Registry } from 'prom-client';
import type { GateRecorder } from '../gate/gate.ts';
import type { PolicyRecorder } from '../policy/file/policy-watch.ts';
import { countFromZero } from './counter.ts';

export function countAdmissions(register: Registry): GateRecorder & PolicyRecorder {
  const admitted = new Counter({
    name: 'converge_admissions_total',
    help: 'Agents and clients that a rule of the policy let in, by rule, and by whether they showed a proof or a pass.',
    labelNames: ['role', 'rule', 'by'],
    registers: [register],
  });
  const loads = countFromZero(
    register,
    'converge_policy_loads_total',
    'Versions of the policy file that were read, by outcome: loaded, or rejected because of faults.',
    { outcome: ['loaded', 'rejected'] },
  );
  return {
    policyRead: ({ kind: outcome }) => {
      loads.inc({ outcome });
    },
    admitted: (role, rule, by) => {
      admitted.inc({ role, rule, by });
    },
  };
}
