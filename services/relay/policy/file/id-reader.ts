// IDs of a rule: their templates, and whether two projects could be given one ID.

import { claimsIn, type IdTemplate, readTemplate } from '../id-template.ts';
import type { AgentRule } from '../policy.ts';
import { mayCollide, namesItsProject, type TemplateUse } from '../template-overlap.ts';
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
  const before: PlacedUse[] = [];
  const seen = new Set<string>();
  for (const use of uses) {
    const { template, rule, line } = use;
    if (!namesItsProject(use)) {
      faults.add(
        line,
        `rule ${rule}: by the ID ${quoted(template.text)} one project could take another's name: put in ${namesOf(use)}`,
      );
      continue;
    }
    // The same template again is as safe as it was: in a large file most are alike.
    const isKnown = seen.has(keyOf(use));
    const other = isKnown ? undefined : before.find((earlier) => mayCollide(earlier, use));
    if (other !== undefined) {
      const where = `the ID ${quoted(other.template.text)} of rule ${other.rule} (line ${other.line})`;
      faults.add(
        line,
        `rule ${rule}: the ID ${quoted(template.text)} could be ${where} too: begin it with a word of its own`,
      );
    }
    if (isKnown) continue;
    seen.add(keyOf(use));
    before.push(use);
  }
}

function keyOf({ template, issuer, pinned }: PlacedUse): string {
  return JSON.stringify([template.text, issuer, [...pinned]]);
}

function namesOf({ projects }: PlacedUse): string {
  return projects.map((set) => set.map((claim) => `{${claim}}`).join(' and ')).join(', or ');
}
