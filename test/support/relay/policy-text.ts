// Policy files of tests: YAML in, a policy or its faults out.
import { type PolicyReading, readPolicy } from '../../../services/relay/policy/file/read-policy.ts';
import type { Policy } from '../../../services/relay/policy/policy.ts';

/** Of every policy that has no other. */
export const TEST_AUDIENCE = 'https://converge.example.com';

/** When tests read their policies: 2026-11-29. */
export const TEST_NOW = Date.UTC(2026, 10, 29);

export function readTestPolicy(text: string, audience: string | undefined = TEST_AUDIENCE): PolicyReading {
  return readPolicy(Buffer.from(text), { audience, now: TEST_NOW });
}

/** @throws Error with every fault */
export function testPolicy(text: string): Policy {
  const reading = readTestPolicy(text);
  if (reading.kind === 'read') return reading.policy;
  throw new Error(reading.faults.map(({ line, message }) => `${line}: ${message}`).join('\n'));
}

/** `LINE: MESSAGE` of each fault; none if there is none. */
export function faultsOf(text: string, audience?: string): string[] {
  const reading = readTestPolicy(text, audience);
  const faults = reading.kind === 'faulty' ? reading.faults : [];
  return faults.map(({ line, message }) => `${line}: ${message}`);
}
