// A policy for tests of the gate: one rule, and one token that counts.
import { createHash } from 'node:crypto';
import { IDENTITY_HEADER } from '#shared/protocol/identity.ts';
import { formatIdentity } from '#shared/protocol/presented-identity.ts';
import type { GateParts } from '../../../services/relay/gate-parts.ts';
import type { Policy, RuleAccess, RuleLimits } from '../../../services/relay/policy/policy.ts';

/** What `TestPolicy` takes for a good proof. */
export const GOOD_PROOF = { [IDENTITY_HEADER]: formatIdentity({ kind: 'token', token: 'good' }) };
const GOOD = createHash('sha256').update('good').digest('hex');

/** A policy with one rule for whoever has the token `good`, and a judge that knows no more than that. */
export class TestPolicy {
  readonly source: { current: Policy | undefined } = { current: undefined };
  isGood = true;

  constructor(limits: Partial<RuleLimits> = {}, access?: RuleAccess) {
    const none = { agents: undefined, lifetimeMs: undefined, sessions: undefined };
    const all = { ...none, bytesPerSecond: undefined, totalBytes: undefined, ...limits };
    const rule = { name: 'rule', networks: undefined, proof: { kind: 'token', tokens: [] } } as const;
    const agents = [{ ...rule, ids: [], limits: all, access }];
    this.source.current = {
      audience: '',
      agents,
      clients: [{ ...rule, ids: undefined }],
      sso: undefined,
    };
  }

  get parts(): Partial<GateParts> {
    const judgeBy =
      <Rule>(rulesOf: (policy: Policy) => readonly Rule[] | undefined) =>
      (policy: Policy, identity: { kind: string; sha256?: string }) => {
        const [rule] = rulesOf(policy) ?? [];
        const admittance = { rule: 'rule', kind: 'token', subject: 'tester', facts: {} } as const;
        return identity.sha256 === GOOD && this.isGood && rule !== undefined
          ? ({ kind: 'admitted', rule, admittance } as const)
          : ({ kind: 'refused', code: 'token_unknown', message: 'no rule has this token' } as const);
      };
    return {
      policy: this.source,
      identities: {
        challenge: () => 'challenge',
        check(presented) {
          const token = presented.kind === 'token' ? presented.token : '';
          const sha256 = createHash('sha256').update(token).digest('hex');
          return Promise.resolve({ kind: 'verified', identity: { kind: 'token', sha256 } });
        },
      },
      judge: {
        agent: judgeBy(({ agents }) => agents),
        client: judgeBy(({ clients }) => clients),
        kindsAsked: () => ['token'],
      },
    };
  }
}
