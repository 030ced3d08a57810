// Parts that several tables of the operator's page have: headings that sort, menus with actions, bars, empty states.
import { addressSourceOf } from '#shared/protocol/address.ts';
import { printable } from '#shared/text/printable.ts';
import { type Html, html } from '../usage/html.ts';
import type { ClusterReport } from './cluster-report.ts';
import { directionOf, formatViewQuery, type SortKey, type ViewQuery } from './view-query.ts';

/** What a page is made of. */
export interface PageData {
  readonly report: ClusterReport;
  readonly query: ViewQuery;
  /** For the forms of its actions. */
  readonly token: string;
  /** From the URL: anybody's words. */
  readonly words: { readonly by: string; readonly said: string; readonly target: string };
}

/** A column: what it is called, and how it sorts, if it does. */
export interface Column {
  readonly title: string;
  readonly sort?: SortKey;
  readonly isNumber?: boolean;
}

/** The URL of the same page with some things changed; the name of the operator stays in it for those without a script. */
export function hrefOf({ query, words }: PageData, changes: Partial<ViewQuery>, more = ''): string {
  const by = words.by === '' ? '' : `&${new URLSearchParams({ by: words.by }).toString()}`;
  return `/operator?${formatViewQuery(query, changes)}${by}${more}`;
}

export function headOf(data: PageData, columns: readonly Column[]): Html {
  return html`<thead><tr>${columns.map((column) => headingOf(data, column))}</tr></thead>`;
}

function headingOf(data: PageData, { title, sort, isNumber }: Column): Html {
  const kind = isNumber === true ? html` class="num"` : html``;
  if (sort === undefined)
    return title === ''
      ? html`<th><span class="unseen">Actions</span></th>`
      : html`<th scope="col"${kind}>${title}</th>`;
  const { query } = data;
  const isSorted = query.sort === sort;
  const turned = query.direction === 'asc' ? 'desc' : 'asc';
  const direction = isSorted ? turned : directionOf(sort);
  const word = query.direction === 'asc' ? 'ascending' : 'descending';
  const state = isSorted ? html` aria-sort="${word}"` : html``;
  const href = hrefOf(data, { sort, direction });
  return html`<th scope="col"${kind}${state}><a id="sort-${sort}" data-stay href="${href}">${title}</a></th>`;
}

/** A button that does it, in a form of its own. */
export function actionForm(
  { query, token, words }: PageData,
  button: Html,
  fields: Readonly<Record<string, string>>,
): Html {
  const all = { ...fields, token, by: words.by, back: formatViewQuery(query, { page: query.page }) };
  return html`<form method="post" action="/operator/act">${Object.entries(all).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )}${button}</form>`;
}

/** Behind three dots; `about` is what a screen reader calls it by. */
export function menuOf(id: string, about: string, items: readonly Html[]): Html {
  return html`<details class="menu"><summary id="${id}" aria-label="Actions for ${about}">···</summary><div class="sheet">${items}</div></details>`;
}

/** To the form that blocks; of IPv6 the whole network of a customer, since an address of it is nothing to them. */
export function blockLink(data: PageData, target: string): Html {
  const written = addressSourceOf(target) ?? target;
  const more = `&${new URLSearchParams({ target: written }).toString()}`;
  return html`<a href="${hrefOf(data, { view: 'blocks', search: '' }, more)}">Block ${written} …</a>`;
}

export function emptyState(title: string, text: string): Html {
  return html`<div class="empty"><strong>${title}</strong>${text}</div>`;
}

/** A bar of `share`, 0 to 1; its colour says when it is nearly full. */
export function meterOf(share: number): Html {
  const width = String(Math.round(Math.min(1, Math.max(0, share)) * 100));
  const kind = share >= 0.8 ? 'full' : 'fill';
  return html`<svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="ground" width="100" height="6"/><rect class="${kind}" width="${width}" height="6"/></svg>`;
}

/** What a stranger has chosen, as it is shown: nothing in it is unseen. */
export function word(text: string | null, none = '–'): Html {
  return text === null || text === '' ? html`<span class="muted">${none}</span>` : html`${printable(text)}`;
}

/** A pod is told from the others by the end of its name; in characters. */
const SHOWN_POD_LENGTH = 12;

/** For a narrow column. */
export function podName(pod: string): Html {
  const text = printable(pod);
  return html`${text.length > SHOWN_POD_LENGTH ? `…${text.slice(1 - SHOWN_POD_LENGTH)}` : text}`;
}
