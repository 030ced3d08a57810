// Matches: what a rule asks of the claims of a token, and of a sign-on.
import { nearestWord } from '#shared/text/nearest-word.ts';
import type { ClaimPattern } from '../claim-pattern.ts';
import { MAX_CLAIM_TEXT } from '../claim-text.ts';
import { type Fields, quoted, textsOf } from './fields.ts';
import type { IssuerTraits } from './issuer-reader.ts';
import type { FaultList } from './policy-fault.ts';
import type { MapNode, TextNode } from './yaml-node.ts';

/** Each token is checked for these anyway, and none says whose it is. */
const CHECKED_CLAIMS: readonly string[] = ['aud', 'exp', 'iat', 'iss', 'jti', 'nbf'];

/** OpenID Connect Core section 5.1: what people may call themselves. Section 5.7: only `sub` and `iss` say who they are. */
const CHOSEN_CLAIMS: readonly string[] = ['name', 'nickname', 'preferred_username'];

/** What a rule asks of a CI system's token. */
export function readMatch(rule: Fields, traits: IssuerTraits, faults: FaultList): ClaimPattern[] {
  const owners = traits.owners.join(', ');
  if (!rule.has('match')) {
    rule.fault('issuer', `"match" is missing: it names one of ${owners}`);
    return [];
  }
  const map = rule.map('match');
  if (map === undefined) return [];
  const patterns: ClaimPattern[] = [];
  for (const [claim, { line, value }] of map.entries) {
    const fault = claimFault(claim, traits);
    if (fault !== undefined) faults.add(line, rule.about(fault));
    const texts = textsOf(value, rule.about(quoted(claim)), faults) ?? [];
    const values = texts.filter((text) => isFit(text, claim, traits, rule, faults)).map(({ text }) => text);
    const isGlob = traits.globs.includes(claim) && values.some((text) => text.includes('*'));
    if (fault === undefined && values.length > 0) patterns.push({ claim, values, isGlob });
  }
  // Also where it is there and wrong: then the other fault says more.
  if (![...map.entries.keys()].some((claim) => traits.owners.includes(claim)))
    rule.fault('match', `too wide, anybody at this CI system would match: ask for one of ${owners}`);
  return patterns;
}

/** What a rule asks of a sign-on. */
export function readSsoMatch(rule: Fields, map: MapNode, faults: FaultList): ClaimPattern[] {
  if (map.entries.size === 0)
    rule.fault(
      'sso',
      'too wide, anybody at the provider would match: ask for a claim, such as groups or email',
    );
  return [...map.entries].flatMap(([claim, { line, value }]) => {
    const fault = claimFault(claim, undefined);
    if (fault !== undefined) faults.add(line, rule.about(fault));
    if (CHOSEN_CLAIMS.includes(claim))
      faults.warn(
        line,
        rule.about(
          `at many providers people choose their "${claim}" themselves: ask for groups or email, if it is so at yours`,
        ),
      );
    const texts = textsOf(value, rule.about(quoted(claim)), faults) ?? [];
    const values = texts
      .filter((text) => isFit(text, claim, undefined, rule, faults))
      .map(({ text }) => text);
    return fault === undefined && values.length > 0 ? [{ claim, values, isGlob: false }] : [];
  });
}

/** Why a rule cannot ask for a claim, or an ID have it; `traits`: undefined if it is not known which claims there are. */
export function claimFault(claim: string, traits: IssuerTraits | undefined): string | undefined {
  if (claim === 'sub')
    return 'the claim sub changes its form (GitHub, 2026) and is the project’s to choose: ask for the claims that it is made of';
  if (CHECKED_CLAIMS.includes(claim)) return `the claim ${claim} is checked anyway: leave it out`;
  if (traits === undefined) return undefined;
  if (traits.lists.includes(claim))
    return `the claim ${quoted(claim)} is a list, which never matches: leave it out`;
  if (traits.has(claim)) return undefined;
  const nearest = nearestWord(claim, traits.claims);
  const hint = nearest === undefined ? `it has ${traits.claims.join(', ')}` : `did you mean "${nearest}"?`;
  return `its tokens have no claim ${quoted(claim)}: ${hint}`;
}

function isFit(
  { text, line }: TextNode,
  claim: string,
  traits: IssuerTraits | undefined,
  rule: Fields,
  faults: FaultList,
): boolean {
  const fault = valueFault(text, claim, traits);
  if (fault !== undefined) faults.add(line, rule.about(fault));
  return fault === undefined;
}

function valueFault(text: string, claim: string, traits: IssuerTraits | undefined): string | undefined {
  if (text.length > MAX_CLAIM_TEXT) return `a value of "${claim}" has more than ${MAX_CLAIM_TEXT} characters`;
  if (!text.includes('*')) return formFault(text, claim, traits);
  if (traits === undefined || !traits.globs.includes(claim)) {
    const may =
      traits === undefined || traits.globs.length === 0 ? '' : `; a * may be in ${traits.globs.join(', ')}`;
    return `${quoted(text)} has a *, which is not safe in "${claim}": write out each value${may}`;
  }
  if (/^\*+$/.test(text)) return `${quoted(text)} matches all: leave "${claim}" out`;
  const parts = traits.spelledOut[claim] ?? 0;
  const fixed = text.slice(0, text.indexOf('*'));
  if (fixed.split('/').length > parts) return formFault(text, claim, traits);
  return `${quoted(text)} has a * where "${claim}" says whose it is: write out the first ${parts} parts`;
}

/** A value that no token of this issuer has: the rule would never match. */
function formFault(text: string, claim: string, traits: IssuerTraits | undefined): string | undefined {
  const form = traits !== undefined && Object.hasOwn(traits.forms, claim) ? traits.forms[claim] : undefined;
  if (form === undefined) return undefined;
  const [fixed = '', ...rest] = text.split('*');
  const { example, pattern, start } = form;
  const isPossible =
    rest.length === 0 ? pattern.test(text) : fixed.startsWith(start) || start.startsWith(fixed);
  return isPossible ? undefined : `"${claim}" is never ${quoted(text)}: it is like "${example}"`;
}
