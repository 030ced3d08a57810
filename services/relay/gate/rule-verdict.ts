// Verdicts of single rules: whether a rule admits somebody, and if not, what it is that does not match.
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import { readAddressList } from '#shared/ssh/address-list.ts';
import { printable } from '#shared/text/printable.ts';
import type { Claims, Identity } from '../identity/identity.ts';
import { type InRanges, inRanges } from '../limits/client-address.ts';
import { type ClaimPattern, matchesPattern, matchesPatternOrMember } from '../policy/claim-pattern.ts';
import { plainTextOf } from '../policy/claim-text.ts';
import { type IdTemplate, matchTemplate } from '../policy/id-template.ts';
import type { AgentRule, ClientRule, RuleToken } from '../policy/policy.ts';
import { certificateFacts, claimFacts, claimShown, jobSubject, personSubject } from '../policy/subject.ts';
import type { Admittance } from '../session/needs.ts';
import type { Asking } from './needs.ts';

/** Of one value in a message, in characters. */
const MAX_TOLD_LENGTH = 80;

/** So many principals and IDs are told in a message. */
const MAX_TOLD_NAMES = 4;

export type RuleVerdict =
  | { readonly kind: 'admits'; readonly admittance: Admittance }
  /** It asks for a proof of another kind, or of another issuer. */
  | { readonly kind: 'other_proof' }
  /** `detail`: what the asker's own proof says, as the rest of a sentence. Nothing of what the rule wants. */
  | RuleMiss;

export interface RuleMiss {
  readonly kind: 'misses';
  readonly rule: string;
  readonly code: RefusalCode;
  readonly detail: string;
}

/** What the proof alone says. */
type ProofVerdict =
  | { readonly kind: 'fits'; readonly subject: string; readonly facts: Admittance['facts'] }
  | { readonly kind: 'other_proof' }
  | { readonly kind: 'misses'; readonly code: RefusalCode; readonly detail: string };

const OTHER_PROOF = { kind: 'other_proof' } as const;

/** `now`: milliseconds since the Unix epoch. Never throws. */
export function judgeRule(
  rule: AgentRule | ClientRule,
  identity: Identity,
  asking: Asking,
  now: number,
): RuleVerdict {
  const { name, ids, networks } = rule;
  const proof = judgeProof(rule, identity, asking, now);
  if (proof.kind === 'other_proof') return proof;
  if (proof.kind === 'misses') return { ...proof, rule: name };
  const missed = (code: RefusalCode, detail: string): RuleMiss => ({
    kind: 'misses',
    rule: name,
    code,
    detail,
  });
  if (networks !== undefined && !rangesOf(networks)(asking.address))
    return missed('not_admitted', `the address is ${printable(asking.address, MAX_TOLD_LENGTH)}`);
  const claims = identity.kind === 'oidc' ? identity.claims : {};
  const wanted = ids === undefined ? undefined : idFault(ids, claims, asking.id);
  if (wanted !== undefined) return missed('id_not_allowed', wanted);
  const { subject, facts } = proof;
  return { kind: 'admits', admittance: { rule: name, kind: rule.proof.kind, subject, facts } };
}

/**
 * Whether somebody whom `rule` has let in before may come from `address` now: by its networks, and by the `source-address` of
 * the certificate that was shown then.
 */
export function mayComeFrom(
  { networks }: AgentRule | ClientRule,
  { facts, kind }: Admittance,
  address: string,
): boolean {
  const sourceAddress = kind === 'certificate' ? facts['sourceAddress'] : undefined;
  // A list that was cut, since it was too long for a pass, cannot be read, and so has nobody in it.
  const isFromSource =
    sourceAddress === undefined || readAddressList(sourceAddress)?.includes(address) === true;
  return isFromSource && (networks === undefined || rangesOf(networks)(address));
}

function judgeProof(
  { proof, ids }: AgentRule | ClientRule,
  identity: Identity,
  { address }: Asking,
  now: number,
): ProofVerdict {
  switch (proof.kind) {
    case 'network':
      return { kind: 'fits', subject: address, facts: {} };
    case 'oidc': {
      if (identity.kind !== 'oidc' || identity.issuer !== proof.issuer.url) return OTHER_PROOF;
      const { claims } = identity;
      const odd = proof.match.find((pattern) => !matchesPattern(pattern, claims));
      if (odd !== undefined) return claimMiss(odd, claims);
      const facts = claimFacts(claims, proof.match, ids ?? []);
      return { kind: 'fits', subject: jobSubject(claims, proof.match), facts };
    }
    case 'token':
      return identity.kind === 'token' ? judgeToken(proof.tokens, identity.sha256, now) : OTHER_PROOF;
    case 'key': {
      if (identity.kind !== 'key') return OTHER_PROOF;
      const key = proof.keys.find(({ fingerprint }) => fingerprint === identity.fingerprint);
      if (key === undefined) return miss('key_unknown', `the key is ${identity.fingerprint}`);
      const facts = { comment: printable(key.comment, MAX_TOLD_LENGTH) };
      return { kind: 'fits', subject: key.fingerprint, facts };
    }
    case 'certificate':
      return identity.kind === 'certificate' ? judgeCertified(proof, identity) : OTHER_PROOF;
    case 'sso': {
      if (identity.kind !== 'sso') return OTHER_PROOF;
      const { claims } = identity;
      const odd = proof.match.find((pattern) => !matchesPatternOrMember(pattern, claims));
      if (odd !== undefined) return miss('not_admitted', memberText(odd.claim, claims));
      return { kind: 'fits', subject: personSubject(claims), facts: claimFacts(claims, proof.match, []) };
    }
  }
}

function judgeToken(tokens: readonly RuleToken[], sha256: string, now: number): ProofVerdict {
  const token = tokens.find((known) => known.sha256 === sha256);
  if (token === undefined) return miss('token_unknown', 'the token is another one');
  if (now < token.expiresAt) return { kind: 'fits', subject: token.name, facts: {} };
  return miss(
    'token_expired',
    `the token ${token.name} expired at ${new Date(token.expiresAt).toISOString()}`,
  );
}

function judgeCertified(
  { authorities, principals }: Extract<ClientRule['proof'], { kind: 'certificate' }>,
  identity: Extract<Identity, { kind: 'certificate' }>,
): ProofVerdict {
  const { caFingerprint, keyId, principals: own } = identity.certificate;
  if (!authorities.some(({ fingerprint }) => fingerprint === caFingerprint))
    return miss('certificate_unknown_ca', `the certificate is signed by ${caFingerprint}`);
  if (principals !== undefined && !own.some((principal) => principals.includes(principal)))
    return miss('certificate_wrong_principal', `the certificate is for ${listed(own)}`);
  return {
    kind: 'fits',
    subject: printable(keyId === '' ? identity.certificate.fingerprint : keyId, MAX_TOLD_LENGTH),
    facts: certificateFacts(identity),
  };
}

/** A claim that is missing, or no plain text, is the token's fault; any other is another's claim. */
function claimMiss({ claim }: ClaimPattern, claims: Claims): ProofVerdict {
  const code = plainTextOf(claims, claim) === undefined ? 'token_bad_claims' : 'not_admitted';
  return miss(code, claimText(claim, claims));
}

function claimText(claim: string, claims: Claims): string {
  const text = claimShown(claims, claim, MAX_TOLD_LENGTH);
  if (text === '') return `there is no ${claim}`;
  if (plainTextOf(claims, claim) === undefined) return `${claim} is no plain text: ${text}`;
  return `${claim} is "${text}"`;
}

/** As `claimText`, where a list would do. */
function memberText(claim: string, claims: Claims): string {
  const isPlain = plainTextOf(claims, claim) !== undefined;
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  // A relay keeps of a list what some rule names: somebody else's groups are no longer there.
  if (Array.isArray(value) && value.length === 0) return `${claim} has none of those that count here`;
  const text = claimShown(claims, claim, MAX_TOLD_LENGTH);
  return isPlain || text === '' ? claimText(claim, claims) : `${claim} is ${text}`;
}

/** Undefined if the rule lets somebody with these claims have the ID. */
function idFault(ids: readonly IdTemplate[], claims: Claims, id: string): string | undefined {
  const wanted: string[] = [];
  const unfit: string[] = [];
  for (const template of ids) {
    const match = matchTemplate(template, claims, id);
    if (match.kind === 'matches') return undefined;
    if (match.kind === 'differs') wanted.push(match.wanted);
    else unfit.push(`${claimText(match.claim, claims)}, which no ID can have`);
  }
  if (wanted.length === 0) return unfit[0] ?? 'it has no IDs';
  return `the ID would have to be ${listed(wanted)}`;
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'nobody';
  const told = names.slice(0, MAX_TOLD_NAMES).map((name) => printable(name, 2 * MAX_TOLD_LENGTH));
  const more = names.length - told.length;
  return more === 0 ? told.join(' or ') : `${told.join(' or ')}, or ${more} more`;
}

/** Made once per list: a look-up table each. */
const ranges = new WeakMap<readonly string[], InRanges>();

function rangesOf(networks: readonly string[]): InRanges {
  const known = ranges.get(networks) ?? inRanges(networks);
  ranges.set(networks, known);
  return known;
}

function miss(code: RefusalCode, detail: string): ProofVerdict {
  return { kind: 'misses', code, detail };
}
