// The policy: who may open agents, and who may reach them.
import type { RevocationList } from '#shared/ssh/revocation-list.ts';
import type { TrustedIssuer } from '../identity/identity.ts';
import type { ClaimPattern } from './claim-pattern.ts';
import type { IdTemplate } from './id-template.ts';
import type { SsoSettings } from './sso-settings.ts';

/** The policy of this cluster. */
export interface Policy {
  /** What tokens and signatures must be made for: `http(s)://HOST[:PORT]` of this relay. */
  readonly audience: string;
  /** The first that admits counts. Undefined: anybody may open an agent. */
  readonly agents: readonly AgentRule[] | undefined;
  /** The same for clients. Undefined: anybody may reach the agents, whose own check comes after this one in any case. */
  readonly clients: readonly ClientRule[] | undefined;
  /** Undefined where no rule asks for single sign-on. */
  readonly sso: SsoSettings | undefined;
}

/** What is the same for every rule. */
interface CommonRule {
  /** Unique; lower-case letters, digits and dashes, up to 64. In logs, metrics, audit and passes. */
  readonly name: string;
  /** Only from these addresses and ranges; undefined: from anywhere. */
  readonly networks: readonly string[] | undefined;
}

export interface AgentRule extends CommonRule {
  readonly proof: AgentProof;
  /** Which IDs it may claim: any of these. */
  readonly ids: readonly IdTemplate[];
  readonly limits: RuleLimits;
  /** For agents that ask for it (`--access policy`): who may enter them. */
  readonly access: RuleAccess | undefined;
}

export interface ClientRule extends CommonRule {
  readonly proof: ClientProof;
  /** Which agents it may reach; undefined: all. */
  readonly ids: readonly IdTemplate[] | undefined;
}

export type AgentProof =
  | { readonly kind: 'oidc'; readonly issuer: TrustedIssuer; readonly match: readonly ClaimPattern[] }
  | { readonly kind: 'token'; readonly tokens: readonly RuleToken[] }
  | { readonly kind: 'key'; readonly keys: readonly RuleKey[] };

export type ClientProof =
  /** The address is enough. */
  | { readonly kind: 'network' }
  | { readonly kind: 'token'; readonly tokens: readonly RuleToken[] }
  | {
      readonly kind: 'certificate';
      readonly authorities: readonly RuleKey[];
      /** One of these must be in the certificate; undefined: any certificate will do. */
      readonly principals: readonly string[] | undefined;
      /** Undefined: nothing is revoked. What one rule revokes is revoked for all. */
      readonly revoked: RuleRevocations | undefined;
    }
  | { readonly kind: 'sso'; readonly match: readonly ClaimPattern[] };

export interface RuleRevocations {
  readonly list: RevocationList;
  /** Of the list as it is in the file, in lower-case hex. */
  readonly sha256: string;
}

/** A secret for CI systems without OIDC, by its hash. */
export interface RuleToken {
  readonly name: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

/** A public key of SSH. */
export interface RuleKey {
  /** `SHA256:…` */
  readonly fingerprint: string;
  readonly comment: string;
}

/** Undefined: no limit of the rule; those per address and pod apply in any case. */
export interface RuleLimits {
  /** Agents at once by this rule, on all pods. */
  readonly agents: number | undefined;
  /** From the first claim of an agent to its end, in milliseconds. */
  readonly lifetimeMs: number | undefined;
  /** Sessions at once of one agent. */
  readonly sessions: number | undefined;
  /** Of all sessions of one agent on one pod, both directions together. */
  readonly bytesPerSecond: number | undefined;
  /** Of all sessions of one agent in its life, both directions together. */
  readonly totalBytes: number | undefined;
}

/** Who may enter an agent that leaves it to its relay. */
export interface RuleAccess {
  /** Lines of public keys: certificates by these get in. */
  readonly userAuthorities: readonly string[];
  /** As `--allow` of the agent takes them: `github:USER`, `https://…` */
  readonly people: readonly string[];
}

/** Where the policy of this moment is. */
export interface PolicySource {
  /** Undefined: there is no file, and the relay is open. */
  readonly current: Policy | undefined;
  /** Undefined where no file is watched. */
  readonly file?: PolicyFileState | undefined;
}

/** Of the policy file. */
export interface PolicyFileState {
  /** Of the version in force, in lower-case hex. */
  readonly sha256: string;
  /** True while the file says something else, and cannot be taken as it is. */
  readonly isStale: boolean;
}
