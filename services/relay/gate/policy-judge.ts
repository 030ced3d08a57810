// The judge: what the policy says about somebody whose identity is known. The first rule that admits counts.
import { IDENTITY_KINDS } from '#shared/protocol/identity.ts';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import { printable } from '#shared/text/printable.ts';
import type { Identity } from '../identity/identity.ts';
import type { AgentRule, ClientRule } from '../policy/policy.ts';
import type { Asking, Judgement, PolicyJudge } from './needs.ts';
import { judgeRule, type RuleMiss } from './rule-verdict.ts';

/** So many rules are named in a refusal. */
export const MAX_TOLD_RULES = 5;

/** The longest message of a refusal by the policy, in characters. */
export const MAX_REFUSAL_LENGTH = 1_000;

/** What a rule may have missed by, the nearest to being let in first: that is what the asker should hear of. */
const NEAREST_FIRST: readonly RefusalCode[] = [
  'id_not_allowed',
  'not_admitted',
  'certificate_wrong_principal',
  'token_bad_claims',
  'token_expired',
  'certificate_unknown_ca',
  'key_unknown',
  'token_unknown',
];

/** Knows nothing but what it is given. */
export const policyJudge: PolicyJudge = {
  agent: ({ agents = [] }, identity, asking, now) => judge(agents, identity, asking, now),
  client: ({ clients = [], sso }, identity, asking, now) => {
    const isOfOthers = identity.kind === 'sso' && identity.issuer !== sso?.issuer;
    return judge(clients, isOfOthers ? { kind: 'none' } : identity, asking, now);
  },
  kindsAsked: (rules) => IDENTITY_KINDS.filter((kind) => rules.some(({ proof }) => proof.kind === kind)),
};

function judge<Rule extends AgentRule | ClientRule>(
  rules: readonly Rule[],
  identity: Identity,
  asking: Asking,
  now: number,
): Judgement<Rule> {
  const misses: RuleMiss[] = [];
  for (const rule of rules) {
    const verdict = judgeRule(rule, identity, asking, now);
    if (verdict.kind === 'admits') return { kind: 'admitted', rule, admittance: verdict.admittance };
    if (verdict.kind === 'misses') misses.push(verdict);
  }
  // Two rules of one rank stay in their order.
  const nearest = misses.toSorted((one, other) => rankOf(one) - rankOf(other));
  const [first] = nearest;
  if (first === undefined) return untried(identity, rules.length);
  const text = OF_NO_RULE[first.code] ?? `no rule admits this: ${listed(nearest)}`;
  return { kind: 'refused', code: first.code, message: printable(text, MAX_REFUSAL_LENGTH) };
}

function rankOf({ code }: RuleMiss): number {
  const rank = NEAREST_FIRST.indexOf(code);
  return rank === -1 ? NEAREST_FIRST.length : rank;
}

/** Where it says nothing to name the rules: each has other tokens. */
const OF_NO_RULE: Partial<Record<RefusalCode, string>> = {
  token_unknown: 'no rule has this token',
};

function listed(misses: readonly RuleMiss[]): string {
  const told = misses
    .slice(0, MAX_TOLD_RULES)
    .map(({ rule, detail }) => `rule ${rule} does not, since ${detail}`);
  const more = misses.length - told.length;
  return more === 0 ? told.join('; ') : `${told.join('; ')}; and ${more} more rules`;
}

/** No rule asks for such a proof. */
function untried(identity: Identity, rules: number): Extract<Judgement<never>, { kind: 'refused' }> {
  const refused = (code: RefusalCode, message: string) => ({ kind: 'refused', code, message }) as const;
  if (rules === 0) return refused('not_admitted', 'the policy of this relay admits nobody');
  switch (identity.kind) {
    case 'none':
      return refused('not_admitted', 'no rule admits anybody without a proof');
    case 'oidc':
      return refused('token_unknown_issuer', `no rule trusts the issuer ${printable(identity.issuer)}`);
    case 'token':
      return refused('token_unknown', 'no rule asks for a token');
    case 'key':
      return refused('key_unknown', `no rule has the key ${identity.fingerprint}`);
    case 'certificate':
      return refused(
        'certificate_unknown_ca',
        `no rule has the authority ${identity.certificate.caFingerprint}`,
      );
    case 'sso':
      return refused('not_admitted', 'no rule asks for a sign-on');
  }
}
