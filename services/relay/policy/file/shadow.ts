// Shadows: rules that can never count, since one before them has all that they have.
import type { ClaimPattern } from '../claim-pattern.ts';
import { matchesGlob } from '../claim-pattern.ts';
import type { AgentRule, ClientRule, RuleToken } from '../policy.ts';
import type { FaultList } from './policy-fault.ts';
import type { PlacedRule } from './rule-reader.ts';

/** Complains of each rule that an earlier one covers. */
export function checkShadows(rules: readonly PlacedRule<AgentRule | ClientRule>[], faults: FaultList): void {
  for (const [index, { rule, line }] of rules.entries()) {
    const other = rules.slice(0, index).find((earlier) => covers(earlier.rule, rule));
    if (other === undefined) continue;
    const where = `the rule ${other.rule.name} (line ${other.line}) before it has all of it`;
    faults.add(line, `rule ${rule.name}: it can never count, ${where}: leave one out, or change their order`);
  }
}

/** True if whoever `later` would admit has been admitted by `earlier`; false also where that is not plain to see. */
function covers(earlier: AgentRule | ClientRule, later: AgentRule | ClientRule): boolean {
  const isWider = earlier.networks === undefined || isWithin(later.networks, earlier.networks);
  const ids = earlier.ids?.map(({ text }) => text);
  const hasIds =
    ids === undefined ||
    isWithin(
      later.ids?.map(({ text }) => text),
      ids,
    );
  return isWider && hasIds && coversProof(earlier.proof, later.proof, earlier.networks !== undefined);
}

function coversProof(
  earlier: (AgentRule | ClientRule)['proof'],
  later: (AgentRule | ClientRule)['proof'],
  isOfNetworks: boolean,
): boolean {
  switch (earlier.kind) {
    case 'network':
      // Nobody looks at a proof any more, if the network is enough. One without a network is a fault already.
      return isOfNetworks;
    case 'oidc':
      return (
        later.kind === 'oidc' &&
        earlier.issuer.url === later.issuer.url &&
        coversMatch(earlier.match, later.match)
      );
    case 'token':
      return (
        later.kind === 'token' &&
        later.tokens.length > 0 &&
        isWithin(hashesOf(later.tokens), hashesOf(earlier.tokens))
      );
    case 'key':
      return (
        later.kind === 'key' &&
        later.keys.length > 0 &&
        isWithin(printsOf(later.keys), printsOf(earlier.keys))
      );
    case 'certificate':
      if (later.kind !== 'certificate' || later.authorities.length === 0) return false;
      if (!isWithin(printsOf(later.authorities), printsOf(earlier.authorities))) return false;
      return earlier.principals === undefined || isWithin(later.principals, earlier.principals);
    case 'sso':
      return later.kind === 'sso' && coversMatch(earlier.match, later.match);
  }
}

/** Each thing that the earlier rule asks for is asked for by the later one, as narrowly or more so. */
function coversMatch(earlier: readonly ClaimPattern[], later: readonly ClaimPattern[]): boolean {
  if (earlier.length === 0 || later.length === 0) return false;
  return earlier.every(({ claim, values, isGlob }) =>
    later.some(
      (pattern) =>
        pattern.claim === claim &&
        pattern.values.every((value) =>
          values.some((wide) => value === wide || (isGlob && matchesGlob(wide, value))),
        ),
    ),
  );
}

function isWithin(part: readonly string[] | undefined, whole: readonly string[]): boolean {
  return part?.every((text) => whole.includes(text)) ?? false;
}

function hashesOf(tokens: readonly RuleToken[]): string[] {
  return tokens.map(({ sha256 }) => sha256);
}

function printsOf(keys: readonly { readonly fingerprint: string }[]): string[] {
  return keys.map(({ fingerprint }) => fingerprint);
}
