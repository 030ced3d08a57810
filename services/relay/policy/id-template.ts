// ID templates: which IDs a rule lets an agent claim, such as `gh.{repository}.{run_id}.*`.

/** A template, parsed. */
export interface IdTemplate {
  /** As in the file. */
  readonly text: string;
  readonly parts: readonly IdTemplatePart[];
}

export type IdTemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  /** The value of a claim, in the alphabet of IDs. */
  | { readonly kind: 'claim'; readonly name: string }
  /** Any characters of IDs; only at the end. */
  | { readonly kind: 'rest' };
