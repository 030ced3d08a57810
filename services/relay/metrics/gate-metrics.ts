// What is counted at the gate: who was let in, by which rule.
import { Counter, type Registry } from 'prom-client';
import type { GateRecorder } from '../gate/gate.ts';

export function countAdmissions(register: Registry): GateRecorder {
  const admitted = new Counter({
    name: 'converge_admissions_total',
    help: 'Agents and clients that a rule of the policy let in, by rule, and by whether they showed a proof or a pass.',
    labelNames: ['role', 'rule', 'by'],
    registers: [register],
  });
  return {
    admitted: (role, rule, by) => {
      admitted.inc({ role, rule, by });
    },
  };
}
