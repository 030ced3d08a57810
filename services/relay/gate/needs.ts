// What the gate needs of others: who somebody is, and what the policy says.
import type { IdentityKind, PresentedIdentity } from '#shared/protocol/identity.ts';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import type { Identity, IdentityVerdict } from '../identity/identity.ts';
import type { AgentRule, ClientRule, Policy } from '../policy/policy.ts';
import type { Admittance } from '../session/needs.ts';

/** Who asks to come in, and for what. */
export interface Asking {
  readonly role: 'agent' | 'client';
  readonly id: string;
  /** The SHA-256 of the agent's claim; empty for a client. */
  readonly claimHash: string;
  readonly address: string;
}

/** Verifies proofs. */
export interface IdentityCheck {
  /** What a key is to sign. */
  challenge(): string;
  /** Never rejects. */
  check(presented: PresentedIdentity, asking: Asking, policy: Policy): Promise<IdentityVerdict>;
}

export type Judgement<Rule> =
  | { readonly kind: 'admitted'; readonly rule: Rule; readonly admittance: Admittance }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string };

/** Says what a policy says about somebody whose identity is known; `now` is in milliseconds since the Unix epoch. */
export interface PolicyJudge {
  agent(policy: Policy, identity: Identity, asking: Asking, now: number): Judgement<AgentRule>;
  client(policy: Policy, identity: Identity, asking: Asking, now: number): Judgement<ClientRule>;
  /** The proofs that the rules ask for; none where an address is enough. */
  kindsAsked(rules: readonly (AgentRule | ClientRule)[]): readonly IdentityKind[];
}

/** How many proofs of one address may be wrong: each costs the relay a signature check. */
export interface ProofBudget {
  /** In milliseconds: 0, or how long no proof of this address is looked at. */
  waitMs(address: string): number;
  failed(address: string): void;
}
