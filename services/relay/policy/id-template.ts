// ID templates: which IDs a rule lets an agent claim, such as `gh.{repository}.{run_id}.*`.
//
// No two projects may have an ID in common. So a claim's value is written in a way that can be read back (claim-text.ts), has
// no dot, and stands between dots: whoever chooses a value chooses nothing of what stands beside it.
import { isValidId } from '#shared/protocol/paths.ts';
import type { Claims } from '../identity/identity.ts';
import { MAX_CLAIM_TEXT, plainTextOf, writeClaim } from './claim-text.ts';

/** A template, parsed. */
export interface IdTemplate {
  /** As in the file. */
  readonly text: string;
  /** What stands between the dots. */
  readonly segments: readonly IdSegment[];
  /** True if any characters may follow, one at least: the template ends with `*`. */
  readonly isOpen: boolean;
}

export interface IdSegment {
  /** Fixed text; of a segment with a claim, what stands before it. */
  readonly before: string;
  /** The claim whose value stands here; undefined: the segment is `before` alone. */
  readonly claim: string | undefined;
  readonly after: string;
}

export type ReadTemplate =
  | { readonly kind: 'template'; readonly template: IdTemplate }
  /** The rest of a sentence that the template begins. */
  | { readonly kind: 'invalid'; readonly fault: string };

/** Fixed text, and claims in braces: `{repository}`, `{oidc.circleci.com/project-id}`. */
const PIECE = /\{([^{}]*)\}|([^{}]+)|([{}])/g;
const FIXED = /^[A-Za-z0-9._-]*$/;
const CLAIM_NAME = /^[!-z|~]{1,128}$/;

/** The longest template, in characters. */
export const MAX_TEMPLATE_LENGTH = 512;

/** Reads a template. Never throws. */
export function readTemplate(text: string): ReadTemplate {
  if (text.length > MAX_TEMPLATE_LENGTH) return invalid(`has more than ${MAX_TEMPLATE_LENGTH} characters`);
  const isOpen = text.endsWith('*');
  const body = isOpen ? text.slice(0, -1) : text;
  if (body === '') return invalid('is every ID: begin with a word of its own, such as "team.*"');
  const segments: { before: string; claim: string | undefined; after: string }[] = [];
  let segment = emptySegment();
  for (const [piece, claim, fixed, brace] of body.matchAll(PIECE)) {
    if (brace !== undefined) return invalid(`has a ${brace} too many: a claim is {NAME}`);
    if (claim !== undefined) {
      if (!CLAIM_NAME.test(claim)) return invalid(`has ${piece} where a claim {NAME} should be`);
      if (segment.claim !== undefined)
        return invalid(`has two claims without a dot between: where one ends could not be told`);
      segment.claim = claim;
      continue;
    }
    if (!FIXED.test(fixed ?? '')) {
      const hint =
        fixed?.includes('*') === true ? 'a * may stand at the end only' : 'an ID has A-Z a-z 0-9 . _ - only';
      return invalid(`can be no ID: ${hint}`);
    }
    for (const [index, part] of (fixed ?? '').split('.').entries()) {
      if (index > 0) {
        segments.push(segment);
        segment = emptySegment();
      }
      if (segment.claim === undefined) segment.before = part;
      else segment.after = part;
    }
  }
  segments.push(segment);
  if (isOpen && segment.claim !== undefined)
    return invalid('has a * right behind a claim, which has the names of others too: put a dot between');
  const template = { text, segments, isOpen };
  const sample = fillTemplate(template, () => 'a', 'a');
  return isValidId(sample)
    ? { kind: 'template', template }
    : invalid(`can be no ID: it would be like "${sample}"`);
}

/** The claims of a template, in its order. */
export function claimsIn({ segments }: IdTemplate): string[] {
  return segments.flatMap(({ claim }) => (claim === undefined ? [] : [claim]));
}

export type TemplateMatch =
  | { readonly kind: 'matches' }
  /** `wanted`: what the ID would have to be, for these claims. */
  | { readonly kind: 'differs'; readonly wanted: string }
  /** This claim has no plain text, or one that no ID can have. */
  | { readonly kind: 'claim_unfit'; readonly claim: string };

/** Whether `id` is one of the IDs of the template for somebody with `claims`. Never throws. */
export function matchTemplate(template: IdTemplate, claims: Claims, id: string): TemplateMatch {
  const values = new Map<string, string>();
  for (const claim of claimsIn(template)) {
    const text = plainTextOf(claims, claim);
    const written = text === undefined || text.length > MAX_CLAIM_TEXT ? undefined : writeClaim(text);
    if (written === undefined) return { kind: 'claim_unfit', claim };
    values.set(claim, written);
  }
  const wanted = fillTemplate(template, (claim) => values.get(claim) ?? '', '*');
  if (!template.isOpen) return id === wanted ? { kind: 'matches' } : { kind: 'differs', wanted };
  const start = wanted.slice(0, -1);
  return id.startsWith(start) && id.length > start.length ? { kind: 'matches' } : { kind: 'differs', wanted };
}

function fillTemplate(
  { segments, isOpen }: IdTemplate,
  valueOf: (claim: string) => string,
  rest: string,
): string {
  const filled = segments.map(({ before, claim, after }) =>
    claim === undefined ? before : `${before}${valueOf(claim)}${after}`,
  );
  return `${filled.join('.')}${isOpen ? rest : ''}`;
}

function emptySegment(): { before: string; claim: string | undefined; after: string } {
  return { before: '', claim: undefined, after: '' };
}

function invalid(fault: string): ReadTemplate {
  return { kind: 'invalid', fault };
}
