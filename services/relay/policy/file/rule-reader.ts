// Rules: those of agents and those of clients.
import { printable } from '#shared/text/printable.ts';
import type { AgentProof, AgentRule, ClientProof, ClientRule } from '../policy.ts';
import { readAccess } from './access-reader.ts';
import { Fields, quoted, typeText } from './fields.ts';
import { checkIds, type PlacedUse, readIds, usesOf } from './id-reader.ts';
import type { IssuerBook, RuleIssuer } from './issuer-reader.ts';
import { readKeys, readRevoked } from './key-reader.ts';
import { readLimits } from './limit-reader.ts';
import { readMatch, readSsoMatch } from './match-reader.ts';
import { readNetworks } from './network-reader.ts';
import type { FaultList } from './policy-fault.ts';
import { readName } from './rule-name.ts';
import { readTokens } from './token-reader.ts';
import type { ListNode } from './yaml-node.ts';

/** Of agents, and as many of clients: each is a series of a metric, and is looked at for each proof. */
export const MAX_POLICY_RULES = 500;

/** What the rules of a file have in common. */
export interface RuleContext {
  readonly issuers: IssuerBook;
  readonly faults: FaultList;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** A rule and where it begins. */
export interface PlacedRule<Rule> {
  readonly rule: Rule;
  readonly line: number;
}

const AGENT_PROOFS = ['issuer', 'tokens', 'keys'] as const;
const CLIENT_PROOFS = ['tokens', 'certificate-authorities', 'sso'] as const;

export function readAgentRules(list: ListNode, context: RuleContext): PlacedRule<AgentRule>[] {
  const uses: PlacedUse[] = [];
  const names = new Map<string, number>();
  const rules = eachRule(list, 'agents', context, (fields) => {
    const { faults } = context;
    fields.expect(['name', ...AGENT_PROOFS, 'match', 'ids', 'networks', 'limits', 'access']);
    const name = readName(fields, names, faults);
    const word = onlyProof(fields, AGENT_PROOFS);
    if (word === undefined && !AGENT_PROOFS.some((proof) => fields.has(proof)))
      fields.fault('name', 'a rule of agents needs a proof: issuer, tokens or keys');
    if (word !== 'issuer' && fields.has('match'))
      fields.fault('match', '"match" needs an issuer, whose claims it asks for');
    const issuer = word === 'issuer' ? readIssuer(fields, context) : undefined;
    const proof = word === undefined ? undefined : agentProof(word, fields, issuer, context);
    if (!fields.has('ids'))
      fields.fault('name', '"ids" is missing: the IDs that such agents may have, such as team.*');
    // Of an issuer that is not known no claim is known either.
    const isUnknown = word === undefined || (word === 'issuer' && issuer === undefined);
    const ids = isUnknown ? [] : readIds(fields, issuer?.traits, faults);
    const networks = readNetworks(fields, faults);
    const limits = readLimits(fields, faults);
    const access = readAccess(fields, faults);
    if (name === undefined || proof === undefined) return undefined;
    uses.push(...usesOf({ name, proof }, issuer?.traits, ids));
    return { name, networks, proof, ids: ids.map(({ template }) => template), limits, access };
  });
  checkIds(uses, context.faults);
  return rules;
}

export function readClientRules(list: ListNode, context: RuleContext): PlacedRule<ClientRule>[] {
  const names = new Map<string, number>();
  return eachRule(list, 'clients', context, (fields) => {
    const { faults } = context;
    fields.expect(['name', ...CLIENT_PROOFS, 'principals', 'revoked-keys', 'ids', 'networks']);
    const name = readName(fields, names, faults);
    const word = onlyProof(fields, CLIENT_PROOFS);
    for (const own of ['principals', 'revoked-keys'])
      if (fields.has(own) && word !== 'certificate-authorities')
        fields.fault(own, `"${own}" needs certificate-authorities`);
    const isByProof = CLIENT_PROOFS.some((proof) => fields.has(proof));
    const networks = readNetworks(fields, faults, !isByProof);
    if (!isByProof && !fields.has('networks'))
      fields.fault(
        'name',
        'too wide, anybody would match: give it networks, tokens, certificate-authorities or sso',
      );
    const ids = fields.has('ids') ? readIds(fields, undefined, faults) : undefined;
    const proof = isByProof ? word && clientProof(word, fields, context) : ({ kind: 'network' } as const);
    if (name === undefined || proof === undefined) return undefined;
    return { name, networks, proof, ids: ids?.map(({ template }) => template) };
  });
}

function eachRule<Rule>(
  { items, line }: ListNode,
  word: string,
  { faults }: RuleContext,
  read: (fields: Fields) => Rule | undefined,
): PlacedRule<Rule>[] {
  if (items.length > MAX_POLICY_RULES) {
    faults.add(line, `"${word}" has ${items.length} rules: at most ${MAX_POLICY_RULES}`);
    return [];
  }
  return items.flatMap((item) => {
    if (item.kind !== 'map') {
      faults.add(item.line, `a rule of "${word}" must be a map, and is ${typeText(item)}`);
      return [];
    }
    const name = item.entries.get('name')?.value;
    const owner =
      name?.kind === 'text' && name.text !== '' ? `rule ${printable(name.text, 64)}` : `a rule of ${word}`;
    const rule = read(new Fields(item, owner, faults));
    return rule === undefined ? [] : [{ rule, line: item.line }];
  });
}

/** The one word of `words` that is there; with two there is a fault. */
function onlyProof<Word extends string>(fields: Fields, words: readonly Word[]): Word | undefined {
  const [first, second] = words.filter((word) => fields.has(word));
  if (second !== undefined) fields.fault(second, `"${first}" and "${second}" in one rule: make it two`);
  return first;
}

function readIssuer(fields: Fields, { issuers, faults }: RuleContext): RuleIssuer | undefined {
  const node = fields.text('issuer');
  const issuer = node === undefined ? undefined : issuers.find(node.text);
  if (node !== undefined && issuer === undefined) {
    const hint = `known are ${issuers.names.join(', ')}; any other goes under "issuers"`;
    faults.add(node.line, fields.about(`there is no issuer ${quoted(node.text)}: ${hint}`));
  }
  return issuer;
}

function agentProof(
  word: (typeof AGENT_PROOFS)[number],
  fields: Fields,
  issuer: RuleIssuer | undefined,
  { faults, now }: RuleContext,
): AgentProof | undefined {
  switch (word) {
    case 'issuer':
      if (issuer === undefined) return undefined;
      return { kind: 'oidc', issuer: issuer.trusted, match: readMatch(fields, issuer.traits, faults) };
    case 'tokens':
      return { kind: 'token', tokens: readTokens(fields, now, faults) };
    case 'keys':
      return { kind: 'key', keys: readKeys(fields, 'keys', faults) };
  }
}

function clientProof(
  word: (typeof CLIENT_PROOFS)[number],
  fields: Fields,
  { faults, now }: RuleContext,
): ClientProof | undefined {
  switch (word) {
    case 'tokens':
      return { kind: 'token', tokens: readTokens(fields, now, faults) };
    case 'certificate-authorities':
      return {
        kind: 'certificate',
        authorities: readKeys(fields, 'certificate-authorities', faults),
        principals: readPrincipals(fields, faults),
        revoked: readRevoked(fields, faults),
      };
    case 'sso': {
      const map = fields.map('sso');
      return map === undefined ? undefined : { kind: 'sso', match: readSsoMatch(fields, map, faults) };
    }
  }
}

/** Exact names: a `*` in one is no pattern for sshd either. */
function readPrincipals(fields: Fields, faults: FaultList): readonly string[] | undefined {
  const texts = fields.texts('principals');
  for (const { text, line } of texts ?? [])
    if (text.includes('*'))
      faults.add(line, fields.about(`the principal ${quoted(text)} has a *: write out each name`));
  return texts?.map(({ text }) => text);
}
