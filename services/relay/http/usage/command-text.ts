// Command texts: commands with gaps for the ID, so that one source serves HTML, plain text and the ID box.
import type { System } from './systems.ts';

/** A gap for the ID. `fallback` stands there until somebody gives an ID: a sample, a variable of the CI system, or nothing. */
export interface IdGap {
  readonly fallback: string;
  /** What stands before an ID that is given; of a fallback it is a part. */
  readonly before?: string;
}

/** A gap for the fingerprint of the job's host key, with what comes before it. Only a browser knows it: it is in the fragment. */
export interface PinGap {
  readonly before: string;
}

export type Gap = IdGap | PinGap;

export type CommandText = readonly (string | Gap)[];

/** Something to copy. `name` is unique on the page and fit for an HTML id. */
export interface Snippet {
  readonly name: string;
  readonly title: string;
  readonly text: CommandText;
  /** Whose it is; everybody's without. */
  readonly systems?: readonly System[];
}

/** Template tag: puts texts and gaps together. The first line break is dropped, so that a text can start below the tag. */
export function command(
  strings: TemplateStringsArray,
  ...values: readonly (string | Gap | CommandText)[]
): CommandText {
  const parts: (string | Gap)[] = [];
  for (const [index, text] of strings.entries()) {
    parts.push(index === 0 ? text.replace(/^\n/, '') : text);
    const value = values[index];
    if (value !== undefined) parts.push(...(isText(value) ? value : [value]));
  }
  return parts;
}

/** The command as people paste it, with `id` in every gap for it, or else the fallbacks; without a fingerprint. */
export function fillGaps(text: CommandText, id: string | undefined): string {
  return text
    .map((part) => (typeof part === 'string' ? part : 'fallback' in part ? fillGap(part, id) : ''))
    .join('');
}

/** What stands in the gap. */
export function fillGap({ fallback, before = '' }: IdGap, id: string | undefined): string {
  return id === undefined ? fallback : before + id;
}

function isText(value: string | Gap | CommandText): value is CommandText {
  return Array.isArray(value);
}
