// Command texts: commands with gaps for the ID, so that one source serves HTML, plain text and the ID box.

/** A gap for the ID. `fallback` stands there until somebody gives an ID: a sample, or a variable of the CI system. */
export interface IdGap {
  readonly fallback: string;
}

export type CommandText = readonly (string | IdGap)[];

/** Something to copy. `name` is unique on the page and fit for an HTML id. */
export interface Snippet {
  readonly name: string;
  readonly title: string;
  readonly text: CommandText;
}

/** Template tag: puts texts and gaps together. The first line break is dropped, so that a text can start below the tag. */
export function command(
  strings: TemplateStringsArray,
  ...values: readonly (string | IdGap | CommandText)[]
): CommandText {
  const parts: (string | IdGap)[] = [];
  for (const [index, text] of strings.entries()) {
    parts.push(index === 0 ? text.replace(/^\n/, '') : text);
    const value = values[index];
    if (value !== undefined) parts.push(...(isText(value) ? value : [value]));
  }
  return parts;
}

/** The command as people paste it, with `id` in every gap, or else the fallbacks. */
export function fillGaps(text: CommandText, id: string | undefined): string {
  return text.map((part) => (typeof part === 'string' ? part : (id ?? part.fallback))).join('');
}

function isText(value: string | IdGap | CommandText): value is CommandText {
  return Array.isArray(value);
}
