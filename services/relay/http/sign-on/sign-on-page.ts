// The pages of signing on: that somebody has, has not, or has signed off. They run no script.
import { ICON_URL, MARK } from '../usage/drawings.ts';
import { type Html, html, trusted } from '../usage/html.ts';
import { PAGE_STYLE } from '../usage/style.ts';

export interface SignOnPage {
  readonly host: string;
  readonly title: string;
  /** Paragraphs. */
  readonly said: readonly string[];
  /** Something is wrong. */
  readonly isAlert?: boolean;
  /** What to do next; `post` changes something. */
  readonly action: { readonly kind: 'get' | 'post'; readonly path: string; readonly words: string };
}

/** The whole document; every text is escaped. */
export function renderSignOnPage({ host, title, said, isAlert = false, action }: SignOnPage): string {
  const paragraphs = said.map((text) =>
    isAlert ? html`<p class="warning" role="alert">${text}</p>` : html`<p>${text}</p>`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title} · Converge on ${host}</title>
<link rel="icon" href="${ICON_URL}">
<style>${trusted(PAGE_STYLE)}</style>
</head>
<body>
<header>
<div class="brand">${MARK}<span>Converge</span><span class="host">${host}</span></div>
<h1>${title}</h1>
</header>
<main id="main">
${paragraphs}
${renderAction(action)}
</main>
</body>
</html>
`.markup;
}

/** A link, not a form, to where a redirect leads to the provider: `form-action` of the CSP would not let it. */
function renderAction({ kind, path, words }: SignOnPage['action']): Html {
  return kind === 'get'
    ? html`<p><a href="${path}">${words}</a></p>`
    : html`<form class="row" method="post" action="${path}"><button type="submit">${words}</button></form>`;
}
