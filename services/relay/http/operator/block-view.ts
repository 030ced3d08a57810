// The view of blocks: the form that makes one, and the list of those in force.
import { MAX_TARGET_LENGTH } from '../../registry/block-target.ts';
import { MAX_BLOCK_REASON_LENGTH } from '../../registry/blocks.ts';
import { type Html, html } from '../usage/html.ts';
import { countText, leftText, momentText, spanText } from './figures.ts';
import { actionForm, emptyState, type PageData, word } from './page-parts.ts';
import { formatViewQuery } from './view-query.ts';

/** What may be chosen, in seconds; the third is what the form begins with. */
const DURATIONS = [
  [600, '10 minutes'],
  [3_600, '1 hour'],
  [21_600, '6 hours'],
  [86_400, '1 day'],
  [604_800, '7 days'],
  [2_592_000, '30 days'],
] as const;
const FIRST_CHOICE_SECONDS = 3_600;

/** Of more, the search of the JSON is of use; in rows. */
const MAX_SHOWN_BLOCKS = 500;

export function blockForm({ query, token, words }: PageData): Html {
  return html`<form class="add" method="post" action="/operator/act"><input type="hidden" name="token" value="${token}"><input type="hidden" name="by" value="${words.by}"><input type="hidden" name="back" value="${formatViewQuery(query)}"><input type="hidden" name="action" value="block">
<div><label for="target">Address, range or rule</label><input id="target" class="mono" type="text" name="target" value="${words.target}" maxlength="${String(MAX_TARGET_LENGTH)}" placeholder="203.0.113.0/24 or rule:NAME" required autocomplete="off" spellcheck="false"></div>
<div><label for="seconds">For</label><select id="seconds" name="seconds">${DURATIONS.map(
    ([seconds, text]) =>
      html`<option value="${String(seconds)}"${seconds === FIRST_CHOICE_SECONDS ? html` selected` : html``}>${text}</option>`,
  )}</select></div>
<div><label for="why">Why</label><input id="why" type="text" name="why" maxlength="${String(MAX_BLOCK_REASON_LENGTH)}" placeholder="for whoever reads this list next" autocomplete="off"></div>
<div><button class="main">Block</button></div>
<label class="check"><input type="checkbox" name="ends" value="1"> End what it has open, too</label>
</form>`;
}

export function blockTable(data: PageData): Html {
  const { blocks, at } = data.report;
  if (blocks.length === 0)
    return emptyState('Nothing is blocked', 'A block ends by itself, and all pods know it within a second.');
  const { search } = data.query;
  const fitting = blocks.filter(({ target, by, why }) =>
    `${target} ${by} ${why}`.toLowerCase().includes(search.toLowerCase()),
  );
  if (fitting.length === 0)
    return emptyState('No block fits', `Nothing of ${countText(blocks.length)} blocks fits “${search}”.`);
  const rows = fitting.slice(0, MAX_SHOWN_BLOCKS).map(({ target, until, since, by, why }) => {
    const remove = actionForm(data, html`<button aria-label="Unblock ${target}">Unblock</button>`, {
      action: 'unblock',
      target,
    });
    return html`<tr><td class="mono">${target}</td><td class="num" title="${momentText(until)}">${leftText(until, at)}</td><td class="num" title="${momentText(since)}">${spanText(at - since)} ago</td><td>${word(by)}</td><td class="why">${word(why)}</td><td class="act">${remove}</td></tr>`;
  });
  return html`<table><caption class="unseen">Blocks</caption><thead><tr><th scope="col">Target</th><th scope="col" class="num">Ends</th><th scope="col" class="num">Made</th><th scope="col">By</th><th scope="col">Why</th><th><span class="unseen">Actions</span></th></tr></thead><tbody>${rows}</tbody></table>`;
}
