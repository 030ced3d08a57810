// The policy file, read: YAML in, a policy or all of its faults out.
import type { AgentRule, ClientRule, Policy } from '../policy.ts';
import { Fields, quoted, typeText } from './fields.ts';
import { IssuerBook } from './issuer-reader.ts';
import { audienceFault } from './issuer-url.ts';
import { FaultList, type PolicyFault } from './policy-fault.ts';
import { type PlacedRule, type RuleContext, readAgentRules, readClientRules } from './rule-reader.ts';
import { checkShadows } from './shadow.ts';
import { readSso } from './sso-reader.ts';
import { readYaml } from './yaml-node.ts';

/** What a ConfigMap may have (Kubernetes, "ConfigMaps"), in bytes. */
export const MAX_POLICY_BYTES = 1_024 * 1_024;

export interface ReadPolicyOptions {
  /** Where the file has no `audience`: the origin of PUBLIC_URL. */
  readonly audience: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

export type PolicyReading =
  /** `warnings`: what is odd, and counts all the same. */
  | { readonly kind: 'read'; readonly policy: Policy; readonly warnings: readonly PolicyFault[] }
  | { readonly kind: 'faulty'; readonly faults: readonly PolicyFault[] };

/** Reads and checks the whole file. Never throws. */
export function readPolicy(file: Buffer, options: ReadPolicyOptions): PolicyReading {
  const faults = new FaultList();
  const policy = policyFrom(file, options, faults);
  if (policy === undefined || !faults.isEmpty) return { kind: 'faulty', faults: faults.faults };
  return { kind: 'read', policy, warnings: faults.warnings };
}

function policyFrom(file: Buffer, options: ReadPolicyOptions, faults: FaultList): Policy | undefined {
  const text = textOf(file, faults);
  const root = text === undefined ? undefined : readYaml(text, faults);
  if (root === undefined) return undefined;
  if (root.kind !== 'map') {
    const what = root.kind === 'text' && root.text === '' ? 'empty' : typeText(root);
    faults.add(root.line, `a policy is a map with the words agents and clients, and this is ${what}`);
    return undefined;
  }
  const fields = new Fields(root, '', faults);
  fields.expect(['audience', 'issuers', 'agents', 'clients', 'sso']);
  if (!fields.has('agents') && !fields.has('clients'))
    faults.add(root.line, 'neither "agents" nor "clients": that admits everybody, as no file does');
  const audience = readAudience(fields, options.audience);
  const issuers = new IssuerBook(audience ?? '');
  const described = fields.map('issuers');
  if (described !== undefined) issuers.read(described, faults);
  const context = { issuers, faults, now: options.now };
  const agents = readRules(fields, 'agents', context, readAgentRules);
  const clients = readRules(fields, 'clients', context, readClientRules);
  const ssoMap = fields.map('sso');
  const sso = ssoMap === undefined ? undefined : readSso(ssoMap, faults);
  checkSso(fields, clients ?? [], faults);
  const rules: readonly PlacedRule<AgentRule | ClientRule>[] = [...(agents ?? []), ...(clients ?? [])];
  const first = rules.find(({ rule }) => NEEDS_AUDIENCE.includes(rule.proof.kind));
  if (first !== undefined && !fields.has('audience')) checkFallback(first, options.audience, faults);
  return { audience: audience ?? '', agents: agents?.map(ruleOf), clients: clients?.map(ruleOf), sso };
}

/** A token of ours is the same whoever it is shown to; all other proofs are made for one relay. */
const NEEDS_AUDIENCE: readonly string[] = ['oidc', 'key', 'certificate', 'sso'];

function textOf(file: Buffer, faults: FaultList): string | undefined {
  if (file.length > MAX_POLICY_BYTES) {
    faults.add(1, `the file has ${file.length} bytes: at most ${MAX_POLICY_BYTES}`);
    return undefined;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(file);
  } catch {
    faults.add(1, 'the file is no text in UTF-8');
    return undefined;
  }
}

function readAudience(fields: Fields, fallback: string | undefined): string | undefined {
  const node = fields.text('audience');
  if (node === undefined) return fallback;
  const fault = audienceFault(node.text);
  if (fault !== undefined) fields.fault('audience', `the audience ${quoted(node.text)} ${fault}`);
  return node.text;
}

/** A rule needs an audience, and the file has none. */
function checkFallback(
  { rule, line }: PlacedRule<AgentRule | ClientRule>,
  fallback: string | undefined,
  faults: FaultList,
): void {
  const fault = fallback === undefined ? undefined : audienceFault(fallback);
  if (fallback === undefined)
    faults.add(line, `rule ${rule.name} needs "audience": the URL of this relay, or set PUBLIC_URL`);
  else if (fault !== undefined)
    faults.add(line, `rule ${rule.name} needs "audience": PUBLIC_URL is ${quoted(fallback)}, which ${fault}`);
}

/** Undefined: the word is not there, and everybody may come in. */
function readRules<Rule extends AgentRule | ClientRule>(
  fields: Fields,
  word: 'agents' | 'clients',
  context: RuleContext,
  read: (list: NonNullable<ReturnType<Fields['list']>>, context: RuleContext) => PlacedRule<Rule>[],
): PlacedRule<Rule>[] | undefined {
  if (!fields.has(word)) return undefined;
  const list = fields.list(word);
  const rules = list === undefined ? [] : read(list, context);
  checkShadows(rules, context.faults);
  return rules;
}

function checkSso(fields: Fields, clients: readonly PlacedRule<ClientRule>[], faults: FaultList): void {
  const asking = clients.find(({ rule }) => rule.proof.kind === 'sso');
  if (asking !== undefined && !fields.has('sso'))
    faults.add(asking.line, `rule ${asking.rule.name} needs "sso": the provider at which people sign on`);
  if (asking === undefined && fields.has('sso'))
    faults.warn(fields.lineOf('sso'), '"sso" is there, and no rule of clients asks for it');
}

function ruleOf<Rule>({ rule }: PlacedRule<Rule>): Rule {
  return rule;
}
