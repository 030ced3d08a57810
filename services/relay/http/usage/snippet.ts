// A snippet of the usage page as HTML: a command with its title, its gaps and its copy button.
import { type CommandText, fillGap, type Snippet } from './command-text.ts';
import { type Html, html } from './html.ts';
import { type System, systemsTag } from './systems.ts';

export interface SnippetLook {
  /** Attributes for the script. */
  readonly marks?: Html;
  /** True: too long a line is broken, whatever it is. */
  readonly breaks?: boolean;
}

/**
 * The copy button appears when the script runs: without it, it would do nothing. A command is broken where it is too long; what
 * has an indentation, a block of YAML say, scrolls, with a shadow where there is more of it.
 */
export function renderSnippet(
  snippet: Snippet,
  id: string | undefined,
  { marks = html``, breaks = !isIndented(snippet.text) }: SnippetLook = {},
): Html {
  const { name, title, text, systems } = snippet;
  const tag = systemsTag(systems);
  const whole = tag === undefined ? title : `${title} (${tag})`;
  const wraps = breaks ? html` class="breaks"` : html``;
  return html`<figure class="snippet"${markSystems(systems)}${marks}>
<figcaption>${title}${tag === undefined ? '' : html` <span class="tag">${tag}</span>`}</figcaption>
<button type="button" class="copy" data-copies="${name}" aria-label="Copy: ${whole}" hidden>Copy</button>
<pre${wraps} tabindex="0" role="group" aria-label="${whole}"><code id="${name}">${renderText(text, id)}</code></pre>
</figure>
`;
}

/** For the script, which hides what is for other systems. */
export function markSystems(systems: readonly System[] | undefined): Html {
  return systems === undefined ? html`` : html` data-systems="${systems.join(' ')}"`;
}

function isIndented(text: CommandText): boolean {
  return text.some((part) => typeof part === 'string' && /\n +/.test(part));
}

function renderText(text: CommandText, id: string | undefined): Html[] {
  return text.map((part) => {
    if (typeof part === 'string') return html`${part}`;
    if (!('fallback' in part)) return html`<span class="gap" data-before-pin="${part.before}"></span>`;
    const before = part.before === undefined ? '' : html` data-before="${part.before}"`;
    return html`<span class="gap" data-fallback="${part.fallback}"${before}>${fillGap(part, id)}</span>`;
  });
}
