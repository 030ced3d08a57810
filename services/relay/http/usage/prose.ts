// Prose: the two marks of Markdown that the usage page uses, `code` and [a link](URL), for HTML and for plain text.
import { type Html, html } from './html.ts';
import type { Prose } from './sections.ts';

const MARKS = /`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)/g;

/** Only http(s) links become links, whatever a text says. */
const LINK_TARGET = /^https?:\/\//;

export function htmlFromProse(prose: Prose): Html {
  const parts: Html[] = [];
  let end = 0;
  for (const match of prose.matchAll(MARKS)) {
    const [whole, code, label = '', target = ''] = match;
    parts.push(html`${prose.slice(end, match.index)}`);
    if (code !== undefined) parts.push(html`<code>${code}</code>`);
    else parts.push(LINK_TARGET.test(target) ? html`<a href="${target}">${label}</a>` : html`${label}`);
    end = match.index + whole.length;
  }
  return html`${parts}${prose.slice(end)}`;
}

/** Without marks; the target of a link takes the place of its label. */
export function plainFromProse(prose: Prose): string {
  return prose.replace(
    MARKS,
    (_whole, code?: string, _label?: string, target?: string) => code ?? target ?? '',
  );
}
