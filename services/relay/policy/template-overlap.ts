// Overlaps: whether two projects could ask for one ID, by one template or by two.
//
// One template is safe if its claims, with those that its rule asks for exactly, name a project. Two are safe if no ID is in
// both, or if every ID that is in both says whose it is in the same way.
import type { IdSegment, IdTemplate } from './id-template.ts';
import { claimsIn } from './id-template.ts';

/** What is known of those who may use a template. */
export interface TemplateUse {
  /** Of the rule. */
  readonly rule: string;
  readonly template: IdTemplate;
  /** The URL of the issuer of their claims; undefined where they have none. */
  readonly issuer: string | undefined;
  /** Sets of claims of which each names a project, see `KnownIssuer`. */
  readonly projects: readonly (readonly string[])[];
  /** Claims with the one value that the rule wants of them. */
  readonly pinned: ReadonlyMap<string, string>;
}

/** True if no two projects can be given one ID by this template; so also if it is one project's, or without claims. */
export function namesItsProject({ template, projects, pinned }: TemplateUse): boolean {
  const claims = claimsIn(template);
  // Without a claim all who match share its names, as is plain to see.
  if (claims.length === 0) return true;
  return projects.some((set) => set.every((claim) => pinned.has(claim) || claims.includes(claim)));
}

/** True if somebody could be given an ID by `one` that `other` gives to another project. */
export function mayCollide(one: TemplateUse, other: TemplateUse): boolean {
  const plain = claimsIn(one.template).length + claimsIn(other.template).length === 0;
  // Two fixed texts that are alike were written so.
  if (plain) return false;
  const shared = new Set<string>();
  if (areOfOneProject(one, other, shared)) return false;
  const { segments, isOpen } = one.template;
  const { segments: others, isOpen: isOtherOpen } = other.template;
  for (let index = 0; ; index += 1) {
    const segment = segments[index];
    const its = others[index];
    if (segment === undefined || its === undefined) {
      // One has no more segments: the other goes on only where the `*` of the first takes it.
      return segment === its;
    }
    const isRest = isOpen && index === segments.length - 1;
    const isItsRest = isOtherOpen && index === others.length - 1;
    if (isRest || isItsRest) return mayMeetAtRest(segment, isRest, its, isItsRest);
    if (segment.claim === undefined && its.claim === undefined) {
      if (segment.before !== its.before) return false;
      continue;
    }
    if (!areAlike(one, segment, other, its)) {
      if (!mayBeEqual(segment, its)) return false;
      continue;
    }
    shared.add(segment.claim ?? '');
    if (areOfOneProject(one, other, shared)) return false;
  }
}

/** Whether the claims that both have at the same places, and those that both want alike, name a project. */
function areOfOneProject(one: TemplateUse, other: TemplateUse, shared: ReadonlySet<string>): boolean {
  if (one.issuer === undefined || one.issuer !== other.issuer) return false;
  return one.projects.some((set) =>
    set.every((claim) => {
      const value = one.pinned.get(claim);
      return shared.has(claim) || (value !== undefined && value === other.pinned.get(claim));
    }),
  );
}

function areAlike(one: TemplateUse, segment: IdSegment, other: TemplateUse, its: IdSegment): boolean {
  return (
    one.issuer === other.issuer &&
    segment.claim === its.claim &&
    segment.before === its.before &&
    segment.after === its.after
  );
}

/** Two segments with a claim in one of them at least; a claim may be any text without a dot, but an empty one. */
function mayBeEqual(segment: IdSegment, its: IdSegment): boolean {
  if (segment.claim === undefined) return fits(segment.before, its);
  if (its.claim === undefined) return fits(its.before, segment);
  return haveCommonStart(segment.before, its.before) && haveCommonEnd(segment.after, its.after);
}

function fits(fixed: string, { before, after }: IdSegment): boolean {
  return fixed.length > before.length + after.length && fixed.startsWith(before) && fixed.endsWith(after);
}

/** The last segment of an open template is fixed text, and anything behind it. */
function mayMeetAtRest(segment: IdSegment, isRest: boolean, its: IdSegment, isItsRest: boolean): boolean {
  if (isRest && isItsRest) return haveCommonStart(segment.before, its.before);
  const [rest, whole] = isRest ? [segment, its] : [its, segment];
  return whole.claim === undefined
    ? whole.before.startsWith(rest.before)
    : haveCommonStart(rest.before, whole.before);
}

function haveCommonStart(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one);
}

function haveCommonEnd(one: string, other: string): boolean {
  return one.endsWith(other) || other.endsWith(one);
}
