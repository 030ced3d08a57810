// IDs of a rule: their templates, and whether two projects could be given one ID.
import { claimsIn, type IdTemplate, readTemplate } from '../id-template.ts';
import type { AgentRule } from '../policy.ts';
import { namesItsProject, type TemplateUse } from '../template-overlap.ts';
import { TemplateTree } from '../template-tree.ts';
import { type Fields, quoted } from './fields.ts';
import type { IssuerTraits } from './issuer-reader.ts';
import { claimFault } from './match-reader.ts';
import type { FaultList } from './policy-fault.ts';

/** More than these are another rule. */
export const MAX_IDS_PER_RULE = 16;

/** A template with where it stands. */
export interface PlacedUse extends TemplateUse {
  readonly line: number;
}

/** The templates in the word `ids`. `traits`: of the issuer whose claims they may have; undefined: they may have none. */
export function readIds(
  rule: Fields,
  traits: IssuerTraits | undefined,
  faults: FaultList,
): { readonly template: IdTemplate; readonly line: number }[] {
  const texts = rule.texts('ids') ?? [];
  if (texts.length > MAX_IDS_PER_RULE)
    rule.fault('ids', `"ids" has ${texts.length} entries: at most ${MAX_IDS_PER_RULE}`);
  return texts.slice(0, MAX_IDS_PER_RULE).flatMap(({ text, line }) => {
    const read = readTemplate(text);
    const fault = read.kind === 'invalid' ? read.fault : claimsFault(read.template, traits);
    if (fault !== undefined) faults.add(line, rule.about(`the ID ${quoted(text)} ${fault}`));
    return read.kind === 'invalid' || fault !== undefined ? [] : [{ template: read.template, line }];
  });
}

function claimsFault(template: IdTemplate, traits: IssuerTraits | undefined): string | undefined {
  const claims = claimsIn(template);
  const [first] = claims;
  if (traits === undefined)
    return first === undefined ? undefined : `has the claim {${first}}, and this rule's proof has no claims`;
  const faults = claims.map((claim) => claimFault(claim, traits));
  const [fault] = faults.filter((text) => text !== undefined);
  return fault === undefined ? undefined : `is none: ${fault}`;
}

/** What `mayCollide` has to know of the IDs of a rule. */
export function usesOf(
  { name, proof }: Pick<AgentRule, 'name' | 'proof'>,
  traits: IssuerTraits | undefined,
  ids: ReturnType<typeof readIds>,
): PlacedUse[] {
  const isToken = proof.kind === 'oidc';
  const exact = isToken ? proof.match.filter(({ values, isGlob }) => values.length === 1 && !isGlob) : [];
  const pinned = new Map(exact.map(({ claim, values: [value = ''] }) => [claim, value]));
  const issuer = isToken ? proof.issuer.url : undefined;
  return ids.map((id) => ({ ...id, rule: name, issuer, projects: traits?.projects ?? [], pinned }));
}

/** Complains of IDs by which one project could take the name of another. */
export function checkIds(uses: readonly PlacedUse[], faults: FaultList): void {
  const groups = new Map<string, PlacedUse>();
  for (const use of uses) {
    const { template, issuer, rule, line } = use;
    if (!namesItsProject(use)) {
      const way = `put in ${namesOf(use)}`;
      faults.add(line, `${idOf(use)}: by it one project could take another's name: ${way}`);
      continue;
    }
    // Of those that are alike only what they have in common tells their projects apart: in a large file most are alike.
    const key = JSON.stringify([template.text, issuer]);
    const known = groups.get(key);
    const group = known === undefined ? use : { ...known, pinned: inCommon(known.pinned, use.pinned) };
    if (known === undefined || namesItsProject(group)) groups.set(key, group);
    else
      faults.add(line, `${idOf(use)} ${couldBe(known)}: put in ${namesOf(use)}, or begin it with "${rule}"`);
  }
  const tree = new TemplateTree<PlacedUse>();
  for (const use of groups.values()) {
    const other = tree.findCollision(use);
    if (other !== undefined)
      faults.add(use.line, `${idOf(use)} ${couldBe(other)}: begin it with a word of its own`);
    tree.add(use);
  }
}

function idOf({ rule, template }: PlacedUse): string {
  return `rule ${rule}: the ID ${quoted(template.text)}`;
}

function couldBe({ rule, template, line }: PlacedUse): string {
  return `could be the ID ${quoted(template.text)} of rule ${rule} (line ${line}) too`;
}

function inCommon(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...one].filter(([claim, value]) => other.get(claim) === value));
}

function namesOf({ projects }: PlacedUse): string {
  return projects.map((set) => set.map((claim) => `{${claim}}`).join(' and ')).join(', or ');
}
