// Summaries: what a policy says, in lines for whoever has written it.
import { printable } from '#shared/text/printable.ts';
import { formatCompact } from '#shared/time/duration.ts';
import type { ClaimPattern } from '../claim-pattern.ts';
import { claimsIn } from '../id-template.ts';
import type { AgentRule, ClientRule, Policy, RuleLimits } from '../policy.ts';
import { formatByteSize } from './byte-size.ts';

export function policySummary({ agents, audience, clients, sso }: Policy): string[] {
  return [
    ...(audience === '' ? [] : [`audience: ${audience}`]),
    ...listSummary('agents', 'anybody may open an agent', agents),
    ...listSummary('clients', 'anybody may reach the agents, whose own check comes after', clients),
    ...(sso === undefined ? [] : [`sso: at ${printable(sso.issuer)}, for ${formatCompact(sso.sessionMs)}`]),
  ];
}

function listSummary(
  word: string,
  open: string,
  rules: readonly (AgentRule | ClientRule)[] | undefined,
): string[] {
  if (rules === undefined) return [`${word}: ${open}`];
  if (rules.length === 0) return [`${word}: nobody`];
  const count =
    rules.length === 1 ? '1 rule' : `${rules.length} rules, of which the first that admits counts`;
  return [`${word}: ${count}`, ...rules.flatMap(ruleSummary)];
}

function ruleSummary(rule: AgentRule | ClientRule): string[] {
  const { ids, name, networks } = rule;
  const limits = 'limits' in rule ? limitsText(rule.limits) : '';
  return [
    `  ${name}: ${proofText(rule.proof)}`,
    ...(networks === undefined ? [] : [`    from ${networks.join(', ')}`]),
    ...(ids === undefined ? [] : [`    IDs ${ids.map(({ text }) => text).join(', ')}${sharedText(rule)}`]),
    ...(limits === '' ? [] : [`    limits: ${limits}`]),
    ...('access' in rule && rule.access !== undefined ? [`    access: ${accessText(rule.access)}`] : []),
  ];
}

function proofText(proof: (AgentRule | ClientRule)['proof']): string {
  switch (proof.kind) {
    case 'network':
      return 'whoever comes from its networks';
    case 'oidc':
      return `a token of ${proof.issuer.url} with ${matchText(proof.match)}`;
    case 'token':
      return proof.tokens
        .map(({ name, expiresAt }) => `the token ${name} until ${new Date(expiresAt).toISOString()}`)
        .join(', or ');
    case 'key':
      return `a key: ${proof.keys.map(keyText).join(', ')}`;
    case 'certificate': {
      const { authorities, principals, revoked } = proof;
      const who = principals === undefined ? 'anybody' : principals.map((name) => printable(name)).join(', ');
      const less = revoked === undefined ? '' : ', less those that are revoked';
      return `a certificate for ${who} by ${authorities.map(keyText).join(', ')}${less}`;
    }
    case 'sso':
      return `a sign-on with ${matchText(proof.match)}`;
  }
}

function matchText(match: readonly ClaimPattern[]): string {
  return match
    .map(({ claim, values }) => `${claim} ${values.map((value) => printable(value)).join(' or ')}`)
    .join(' and ');
}

function keyText({
  fingerprint,
  comment,
}: {
  readonly fingerprint: string;
  readonly comment: string;
}): string {
  return comment === '' ? fingerprint : `${fingerprint} (${printable(comment)})`;
}

/** An ID without a claim is one that all who match may ask for. */
function sharedText(rule: AgentRule | ClientRule): string {
  if (rule.proof.kind !== 'oidc') return '';
  const shared = rule.ids?.filter((id) => claimsIn(id).length === 0) ?? [];
  return shared.length === 0
    ? ''
    : ` (${shared.map(({ text }) => text).join(', ')} shared by all that match)`;
}

function limitsText({ agents, lifetimeMs, sessions, bytesPerSecond, totalBytes }: RuleLimits): string {
  return [
    agents === undefined ? '' : `${agents} agents at once`,
    lifetimeMs === undefined ? '' : `${formatCompact(lifetimeMs)} each`,
    sessions === undefined ? '' : `${sessions} sessions at once each`,
    bytesPerSecond === undefined ? '' : `${formatByteSize(bytesPerSecond)} a second each`,
    totalBytes === undefined ? '' : `${formatByteSize(totalBytes)} in all each`,
  ]
    .filter((text) => text !== '')
    .join(', ');
}

function accessText({ userAuthorities, people }: NonNullable<AgentRule['access']>): string {
  const count = userAuthorities.length;
  const authorities =
    count === 0 ? [] : [count === 1 ? 'certificates of 1 authority' : `certificates of ${count} authorities`];
  return [...authorities, ...people.map((person) => printable(person))].join(', ');
}
