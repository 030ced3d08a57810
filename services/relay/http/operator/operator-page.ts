// The operator's page as HTML: the figures of the cluster on top, and below them the table that was asked for.
import { printable } from '#shared/text/printable.ts';
import { ICON_URL, MARK } from '../usage/drawings.ts';
import { type Html, html, trusted } from '../usage/html.ts';
import { MAX_OPERATOR_NAME_LENGTH } from './action.ts';
import { blockForm, blockTable } from './block-view.ts';
import { shareOf } from './cluster-report.ts';
import { countText, percentText } from './figures.ts';
import { OPERATOR_SCRIPT } from './operator-script.ts';
import { OPERATOR_STYLE } from './operator-style.ts';
import { hrefOf, type PageData } from './page-parts.ts';
import { agentTable, limitTable, podTable, refusalTable, sessionTable } from './tables.ts';
import { MAX_PAGED_ROWS, MAX_SEARCH_LENGTH, VIEWS, type View } from './view-query.ts';

const TITLES: Readonly<Record<View, string>> = {
  agents: 'Agents',
  sessions: 'Sessions',
  refusals: 'Refusals',
  limits: 'Limits',
  blocks: 'Blocks',
  pods: 'Pods',
};

/** What can be searched; the other tables are short. */
const SEARCHED: Readonly<Partial<Record<View, string>>> = {
  agents: 'ID, rule, identity, address or pod',
  sessions: 'agent, client, identity or pod',
  blocks: 'target, name or reason',
};

/** The whole document. Everything that is not a constant of ours is escaped. */
export function renderOperatorPage(data: PageData): string {
  const { report, query, words } = data;
  const said = words.said === '' ? '' : printable(words.said.charAt(0).toUpperCase() + words.said.slice(1));
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${TITLES[query.view]} · Converge operator</title>
<link rel="icon" href="${ICON_URL}">
<style>${trusted(OPERATOR_STYLE)}</style>
</head>
<body>
<header class="top"><div class="wrap"><h1 class="brand">${MARK}Converge <span>operator · by way of ${printable(report.pod)}</span></h1>
<form class="who" method="get" action="/operator"><span id="state" class="state" role="status">as of this load</span><input type="hidden" name="view" value="${query.view}"><label for="by">You are</label><input id="by" type="text" name="by" value="${words.by}" maxlength="${String(MAX_OPERATOR_NAME_LENGTH)}" placeholder="name, for the record" autocomplete="name" spellcheck="false"></form></div></header>
<main class="wrap bottom">
<p id="notice" role="alert"${said === '' ? html` hidden` : html``}>${said}</p>
<div id="live-figures">${silentNote(data)}${figuresOf(data)}${tabsOf(data)}</div>
${searchForm(data)}
<div id="live">${viewOf(data)}</div>
</main>
<script>${trusted(OPERATOR_SCRIPT)}</script>
</body>
</html>
`.markup;
}

function searchForm({ query, words }: PageData): Html {
  const what = SEARCHED[query.view];
  if (what === undefined) return html``;
  return html`<form class="bar" method="get" action="/operator" role="search"><input type="hidden" name="view" value="${query.view}"><input type="hidden" name="by" value="${words.by}"><label class="unseen" for="search">Search</label><input id="search" type="search" name="q" value="${query.search}" maxlength="${String(MAX_SEARCH_LENGTH)}" placeholder="Search ${what}" autocomplete="off" spellcheck="false"><button>Search</button><span class="muted"><kbd>/</kbd> to search</span></form>`;
}

function silentNote({ report }: PageData): Html {
  const { silent } = report;
  if (silent.length === 0) return html``;
  const names = silent
    .map(({ pod, unreachable }) => `${printable(pod)} (${printable(unreachable)})`)
    .join(', ');
  const verb = silent.length === 1 ? 'does' : 'do';
  return html`<p class="note">${names} ${verb} not answer: agents and sessions of ${silent.length === 1 ? 'that pod' : 'those pods'} are missing here.</p>`;
}

function figuresOf({ report }: PageData): Html {
  const { totals, pods, silent, limits } = report;
  const [fullest] = limits;
  const share = fullest === undefined ? 0 : shareOf(fullest);
  const all = pods.length + silent.length;
  const figures = [
    [
      `${countText(pods.length)} of ${countText(all)}`,
      all === 1 ? 'pod answers' : 'pods answer',
      silent.length > 0,
    ],
    [countText(totals.agents), totals.agents === 1 ? 'agent' : 'agents', false],
    [countText(totals.clients), totals.clients === 1 ? 'person logged in' : 'people logged in', false],
    [countText(totals.sessions), totals.sessions === 1 ? 'session' : 'sessions', false],
    [countText(totals.refusals), 'refused in the last hour', false],
    [countText(totals.blocks), totals.blocks === 1 ? 'block' : 'blocks', false],
    [
      percentText(share),
      `of the fullest limit${fullest === undefined ? '' : `, ${fullest.limit}`}`,
      share >= 0.8,
    ],
  ] as const;
  return html`<ul class="figures" aria-label="The cluster in figures">${figures.map(
    ([figure, what, isBad]) =>
      html`<li${isBad ? html` class="warn"` : html``}><b>${figure}</b><span>${what}</span></li>`,
  )}</ul>`;
}

function tabsOf(data: PageData): Html {
  const { totals, refusals, limits, pods, silent } = data.report;
  const counts: Readonly<Record<View, number>> = {
    agents: totals.agents,
    sessions: totals.sessions,
    refusals: refusals.length,
    limits: limits.length,
    blocks: totals.blocks,
    pods: pods.length + silent.length,
  };
  return html`<nav class="tabs" aria-label="Views">${VIEWS.map((view) => {
    const current = view === data.query.view ? html` aria-current="page"` : html``;
    const href = hrefOf(data, { view, search: '', sort: 'age', direction: 'asc' });
    return html`<a id="tab-${view}" href="${href}"${current}>${TITLES[view]}<small>${countText(counts[view])}</small></a>`;
  })}</nav>`;
}

function viewOf(data: PageData): Html {
  switch (data.query.view) {
    case 'agents':
      return html`${panelOf(agentTable(data))}${footOf(data)}<p class="hint">Bytes: of the sessions that are open now, both ways, on all pods. An agent that is ended frees its ID and tells the job why; one that comes back all the same can be blocked.</p>`;
    case 'sessions':
      return html`${panelOf(sessionTable(data))}${footOf(data)}<p class="hint">A session that is ended does not resume. Its person may connect again, unless their address is blocked.</p>`;
    case 'refusals':
      return html`${panelOf(refusalTable(data))}<p class="hint">What each code means is in docs/protocol.md, section 4. <code>identity_required</code> is the first answer to everybody whom the policy asks for a proof; the figure above leaves it out.</p>`;
    case 'limits':
      return html`${panelOf(limitTable(data))}<p class="hint">Of a limit per address: the address that has most. The variables are in docs/limits.md.</p>`;
    case 'blocks':
      return html`<div class="panel">${blockForm(data)}</div>${panelOf(blockTable(data))}<p class="hint">A block keeps out whoever comes anew, agents and clients alike; what is open goes on unless it is ended too. Mind what stands in front of the relay: everybody behind an ingress that TRUST_PROXY does not name has its address.</p>`;
    case 'pods':
      return html`${panelOf(podTable(data))}<p class="hint">Passing: streams of agents that this pod only hands on to the pod of the client.</p>`;
  }
}

function panelOf(table: Html): Html {
  return html`<div class="panel scroll">${table}</div>`;
}

function footOf(data: PageData): Html {
  const { query, report } = data;
  const { page, size } = query;
  const { matched } = report;
  if (matched === 0) return html``;
  const first = Math.min(matched, (page - 1) * size + 1);
  const last = Math.min(matched, page * size);
  const hasMore = last < matched && (page + 1) * size <= MAX_PAGED_ROWS;
  const before =
    page > 1
      ? html`<a id="page-before" data-stay href="${hrefOf(data, { page: page - 1 })}">← Before</a>`
      : html``;
  const after = hasMore
    ? html`<a id="page-after" data-stay href="${hrefOf(data, { page: page + 1 })}">After →</a>`
    : html``;
  return html`<div class="foot"><span>${countText(first)} to ${countText(last)} of ${countText(matched)}</span><nav aria-label="Pages">${before}${after}</nav></div>`;
}
