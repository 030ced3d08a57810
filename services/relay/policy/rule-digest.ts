// Digests of rules: what a pass says about the rule that it came by, so that a rule that asks for more is asked again.
import { createHash } from 'node:crypto';
import type { AgentRule, ClientRule } from './policy.ts';

/** Of SHA-256, in base64url: enough that nobody finds two rules with one digest. */
export const RULE_DIGEST_CHARACTERS = 22;

const known = new WeakMap<AgentRule | ClientRule, string>();

/**
 * What counts for who is let in, as one text: proof, match, IDs and networks. Not the name, the limits, the access, and where
 * the keys of an issuer come from: a change of those asks nobody again. Base64url.
 */
export function ruleDigest(rule: AgentRule | ClientRule): string {
  const before = known.get(rule);
  if (before !== undefined) return before;
  const { networks, ids } = rule;
  const facts = [proofFacts(rule.proof), ids?.map(({ text }) => text) ?? null, networks ?? null];
  const hash = createHash('sha256').update(JSON.stringify(facts)).digest('base64url');
  const digest = hash.slice(0, RULE_DIGEST_CHARACTERS);
  known.set(rule, digest);
  return digest;
}

function proofFacts(proof: (AgentRule | ClientRule)['proof']): unknown {
  switch (proof.kind) {
    case 'network':
      return [proof.kind];
    case 'oidc':
      return [proof.kind, proof.issuer.url, proof.issuer.audience, proof.match];
    case 'token':
      return [proof.kind, proof.tokens.map(({ sha256, expiresAt }) => [sha256, expiresAt])];
    case 'key':
      return [proof.kind, proof.keys.map(fingerprintOf)];
    case 'certificate': {
      const { authorities, principals, revoked } = proof;
      return [proof.kind, authorities.map(fingerprintOf), principals ?? null, revoked?.sha256 ?? null];
    }
    case 'sso':
      return [proof.kind, proof.match];
  }
}

function fingerprintOf({ fingerprint }: { readonly fingerprint: string }): string {
  return fingerprint;
}
