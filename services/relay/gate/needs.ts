// What the gate needs of others: who somebody is, and what the policy says.
import type { IdentityKind } from '#shared/protocol/identity.ts';
import type { PresentedIdentity } from '#shared/protocol/presented-identity.ts';
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
  /** Whether a trusted proxy has reported the address; as `askerOf` says it. */
  readonly isToldByProxy?: boolean;
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
  /** Before a proof is looked at: 0, or how long none from this address is, in milliseconds. */
  takeProof(asker: ProofAsker): number;
  /** That one was good, or nobody could tell: it does not count. */
  forgiveProof(asker: ProofAsker): void;
}

export interface ProofAsker {
  readonly address: string;
  readonly isToldByProxy: boolean;
}
