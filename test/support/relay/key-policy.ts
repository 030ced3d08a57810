// A policy for agents with one SSH key: the relay's real challenges and its real check of what a key has signed.
import type { GateParts } from '../../../services/relay/gate-parts.ts';
import { ClusterKey } from '../../../services/relay/hop/cluster-key.ts';
import { makeChallenge } from '../../../services/relay/identity/challenge.ts';
import { checkKeyProof } from '../../../services/relay/identity/key-proof.ts';
import { TestPolicy } from './test-policy.ts';

export interface KeyPolicyOptions {
  /** `SHA256:…` of the key that counts. */
  readonly fingerprint: string;
  /** `http(s)://HOST[:PORT]`, by which agents must have dialled; it may be known only once the relay listens. */
  readonly audience: () => string;
}

/** The parts of a gate that lets in agents with that key, under any ID. */
export function keyPolicyParts({ fingerprint, audience }: KeyPolicyOptions): Partial<GateParts> {
  const seal = new ClusterKey(['a secret of the test, longer than thirty-two characters']);
  const { parts } = new TestPolicy();
  return {
    ...parts,
    identities: {
      challenge: () => makeChallenge(seal, Date.now()),
      check(presented, asking) {
        if (presented.kind !== 'key') {
          return Promise.resolve({ kind: 'refused', code: 'not_admitted', message: 'no key' });
        }
        const facts = { ...asking, claimHash: asking.claimHash, audience: audience(), now: Date.now(), seal };
        return Promise.resolve(checkKeyProof(presented, { ...facts, keys: [fingerprint], authorities: [] }));
      },
    },
    judge: {
      agent(policy, identity) {
        const [rule] = policy.agents ?? [];
        if (identity.kind !== 'key' || rule === undefined) {
          return { kind: 'refused', code: 'not_admitted', message: 'no rule admits it' };
        }
        const admittance = {
          rule: rule.name,
          kind: 'key',
          subject: identity.fingerprint,
          facts: {},
        } as const;
        return { kind: 'admitted', rule, admittance };
      },
      client: () => ({ kind: 'refused', code: 'not_admitted', message: 'no client comes in' }),
      kindsAsked: () => ['key'],
    },
  };
}
