// Digests of rules: what a pass says about the rule that it came by, so that a rule that asks for more is asked again.
import { createHash } from 'node:crypto';
import type { AgentRule, ClientRule, Policy } from './policy.ts';

/** Of SHA-256, in base64url: enough that nobody finds two rules with one digest. */
export const RULE_DIGEST_CHARACTERS = 22;

const known = new WeakMap<Policy, Map<AgentRule | ClientRule, string>>();

/**
 * What counts for who is let in by a rule of `policy`, as one text: proof, match, IDs and networks, the provider at which people
 * sign on, and what any rule revokes. Not the name, the limits, the access, and where the keys of an issuer come from: a change
 * of those asks nobody again. Base64url.
 */
export function ruleDigest(rule: AgentRule | ClientRule, policy: Policy): string {
  const digests = known.get(policy) ?? new Map<AgentRule | ClientRule, string>();
  known.set(policy, digests);
  const before = digests.get(rule);
  if (before !== undefined) return before;
  const { networks, ids } = rule;
  const facts = [proofFacts(rule.proof, policy), ids?.map(({ text }) => text) ?? null, networks ?? null];
  const hash = createHash('sha256').update(JSON.stringify(facts)).digest('base64url');
  const digest = hash.slice(0, RULE_DIGEST_CHARACTERS);
  digests.set(rule, digest);
  return digest;
}

function proofFacts(proof: (AgentRule | ClientRule)['proof'], policy: Policy): unknown {
  switch (proof.kind) {
    case 'network':
      return [proof.kind];
    case 'oidc':
      return [proof.kind, proof.issuer.url, proof.issuer.audience, proof.match];
    case 'token':
      return [proof.kind, proof.tokens.map(({ sha256, expiresAt }) => [sha256, expiresAt])];
    case 'key':
      return [proof.kind, proof.keys.map(fingerprintOf), revocationsOf(policy)];
    case 'certificate': {
      const { authorities, principals } = proof;
      return [proof.kind, authorities.map(fingerprintOf), principals ?? null, revocationsOf(policy)];
    }
    case 'sso':
      return [proof.kind, proof.match, policy.sso?.issuer ?? null, policy.sso?.clientId ?? null];
  }
}

/** What one rule revokes is revoked for all. */
function revocationsOf({ clients = [] }: Policy): string[] {
  return clients.flatMap(({ proof }) =>
    proof.kind === 'certificate' && proof.revoked !== undefined ? [proof.revoked.sha256] : [],
  );
}

function fingerprintOf({ fingerprint }: { readonly fingerprint: string }): string {
  return fingerprint;
}
