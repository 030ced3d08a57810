// The usage page as HTML: sections, snippets and the ID box put together.
import type { CiBlock } from './ci-blocks.ts';
import { CHOSEN_ID } from './commands.ts';
import { DIAGRAM, ICON_URL, MARK } from './drawings.ts';
import { entryNotice } from './entry-terms.ts';
import { renderFirstScreen } from './first-screen.ts';
import { type Html, html, trusted } from './html.ts';
import type { PageOptions } from './plain-text.ts';
import { htmlFromProse } from './prose.ts';
import { PAGE_SCRIPT } from './script.ts';
import {
  buildSections,
  exposureWarning,
  ID_HINT,
  type PageNote,
  type Section,
  SUMMARY,
  TITLE,
} from './sections.ts';
import { markSystems, renderSnippet } from './snippet.ts';
import { PAGE_STYLE } from './style.ts';

export interface HtmlPageOptions extends PageOptions {
  /** What was asked for and is no ID: it goes back into the box, with a message beside it. */
  readonly rejectedId?: string | undefined;
}

/** What the browser checks the box against; a test compares it with `isValidId`. Written for the `v` flag. */
export const ID_INPUT_PATTERN = '[A-Za-z0-9][A-Za-z0-9._\\-]{0,127}';

/** The whole document. Everything that is not a constant of ours is escaped. */
export function renderPage(options: HtmlPageOptions): string {
  const { relay } = options;
  const sections = buildSections(options);
  const warning = exposureWarning(relay);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Converge on ${relay.host}</title>
<meta name="description" content="${TITLE}: the commands for ${relay.host}">
<link rel="icon" href="${ICON_URL}">
<style>${trusted(PAGE_STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the commands</a>
<header>
<div class="brand">${MARK}<span>Converge</span><span class="host">${relay.host}</span></div>
<h1>${TITLE}</h1>
<p class="summary">${htmlFromProse(SUMMARY)}</p>
</header>
<main id="main" tabindex="-1">
${warning === undefined ? '' : html`<p class="warning" role="note">${warning}</p>`}
<p class="entry" role="note">${htmlFromProse(entryNotice(options.entry))}</p>
${renderFirstScreen(options)}
<nav aria-label="Sections"><ul>${sections.map(({ name, shortTitle }) => html`<li><a href="#${name}">${shortTitle}</a></li>`)}</ul></nav>
${renderIdForm(options)}
${sections.map((section) => renderSection(section, options.id))}
</main>
<p id="announcer" class="unseen" role="status" aria-live="polite"></p>
<script>${trusted(PAGE_SCRIPT)}</script>
</body>
</html>
`.markup;
}

function renderIdForm({ id, rejectedId }: HtmlPageOptions): Html {
  const message = rejectedId === undefined ? '' : 'That is no ID, so the commands below are unchanged.';
  return html`<form id="id-form" class="id-form" method="get" action="">
<label for="id-input">ID of the job, for all commands of this page</label>
<div class="row"><input id="id-input" name="id" value="${id ?? rejectedId ?? ''}" placeholder="${CHOSEN_ID}" pattern="${ID_INPUT_PATTERN}"
 autocomplete="off" autocapitalize="none" autocorrect="off" spellcheck="false" enterkeyhint="done" aria-describedby="id-hint id-message"${
   rejectedId === undefined ? '' : html` aria-invalid="true" autofocus`
 }><button type="submit">Use in all commands</button></div>
<p id="id-message" class="message" role="alert">${message}</p>
<p id="id-hint" class="hint">The job log has it. It is the name under which a client finds the job; not a password. ${ID_HINT}</p>
</form>`;
}

function renderSection(section: Section, id: string | undefined): Html {
  return html`<section id="${section.name}" aria-labelledby="${section.name}-title">
<h2 id="${section.name}-title">${section.title}</h2>
<p>${htmlFromProse(section.lead)}</p>
${section.name === 'security' ? DIAGRAM : ''}
${section.snippets.map((snippet) => renderSnippet(snippet, id))}
${section.blocks.map((block, index) => renderBlock(block, id, index === 0))}
${section.terms.length === 0 ? '' : renderTerms(section.terms)}
${section.notes.map(renderNote)}
</section>
`;
}

function renderNote(note: PageNote): Html {
  if (typeof note === 'string') return html`<p class="note">${htmlFromProse(note)}</p>`;
  return html`<p class="note"${markSystems(note.systems)}>${htmlFromProse(note.text)}</p>`;
}

function renderBlock(block: CiBlock, id: string | undefined, isOpen: boolean): Html {
  return html`<details name="ci"${isOpen ? html` open` : ''}>
<summary>${block.title}</summary>
${
  block.before === undefined
    ? ''
    : html`<p>${htmlFromProse(block.before.where)}</p>
${renderSnippet(block.before, id)}`
}<p>${htmlFromProse(block.where)}</p>
${renderSnippet({ ...block, title: `For ${block.title}` }, id)}<p class="note">${htmlFromProse(block.note)}</p>
</details>
`;
}

function renderTerms(terms: Section['terms']): Html {
  return html`<dl>${terms.map(
    ([term, meaning]) => html`<div><dt>${htmlFromProse(term)}</dt><dd>${htmlFromProse(meaning)}</dd></div>`,
  )}</dl>`;
}
