// HTML as a value: a template tag that escapes everything but what is HTML already.

export interface Html {
  readonly markup: string;
}

export type HtmlValue = string | Html | readonly Html[];

/** Template tag. Strings are escaped for text and for quoted attributes; `Html` is taken as it is. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return { markup: strings.map((text, index) => text + markupOf(values[index] ?? '')).join('') };
}

/** Takes `markup` as HTML. For constants of ours only (style, script, drawings): nothing is escaped. */
export function trusted(markup: string): Html {
  return { markup };
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function markupOf(value: HtmlValue): string {
  if (typeof value === 'string') return value.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
  return 'markup' in value ? value.markup : value.map((item) => item.markup).join('');
}
