// The tables of the operator's page, one for each view.
import { printable } from '#shared/text/printable.ts';
import { type Html, html } from '../usage/html.ts';
import { type RefusalHour, type ShownAgent, shareOf } from './cluster-report.ts';
import { bytesText, countText, leftText, momentText, percentText, spanText } from './figures.ts';
import {
  actionForm,
  blockLink,
  emptyState,
  headOf,
  menuOf,
  meterOf,
  type PageData,
  podName,
  word,
} from './page-parts.ts';
import type { SessionRow } from './rows.ts';

export function agentTable(data: PageData): Html {
  const { agents, totals } = data.report;
  if (agents.length === 0)
    return totals.agents === 0
      ? emptyState('No agent is linked', 'They appear here as soon as a job opens one.')
      : emptyState(
          'No agent fits',
          `Nothing of ${countText(totals.agents)} agents fits “${data.query.search}”.`,
        );
  const columns = [
    { title: 'ID', sort: 'id' },
    { title: 'Rule', sort: 'rule' },
    { title: 'Identity', sort: 'subject' },
    { title: 'Address' },
    { title: 'Clients', sort: 'clients', isNumber: true },
    { title: 'Bytes', isNumber: true },
    { title: 'Age', sort: 'age', isNumber: true },
    { title: 'Ends', sort: 'deadline', isNumber: true },
    { title: 'Pod', sort: 'pod' },
    { title: '' },
  ] as const;
  return html`<table><caption class="unseen">Agents</caption>${headOf(data, columns)}<tbody>${agents.map((agent) => agentRowOf(data, agent))}</tbody></table>`;
}

function agentRowOf(data: PageData, agent: ShownAgent): Html {
  const { at } = data.report;
  const { id, pod, address, rule, subject, clients, detached, bytes, since, expiresAt } = agent;
  const away =
    detached === 0
      ? html``
      : html` <span class="muted" title="without a connection at the moment">(${countText(detached)} away)</span>`;
  const end = actionForm(data, html`<button class="bad">End this agent</button>`, {
    action: 'end_agent',
    id,
    pod,
  });
  const blocks = [address, ...(rule === null ? [] : [`rule:${rule}`])].map((target) =>
    blockLink(data, target),
  );
  return html`<tr><td class="name mono" title="${id}">${id}</td><td>${word(rule)}</td><td class="sub" title="${printable(subject ?? '')}">${word(subject)}</td><td class="mono">${word(address)}</td><td class="num">${countText(clients)}${away}</td><td class="num">${bytesText(bytes)}</td><td class="num" title="${momentText(since)}">${spanText(at - since)}</td><td class="num" title="${expiresAt === null ? '' : momentText(expiresAt)}">${expiresAt === null ? '–' : leftText(expiresAt, at)}</td><td title="${printable(pod)}">${podName(pod)}</td><td class="act stay">${menuOf(`menu-${id}`, `agent ${id}`, [end, ...blocks])}</td></tr>`;
}

export function sessionTable(data: PageData): Html {
  const { sessions, totals } = data.report;
  if (sessions.length === 0)
    return totals.sessions === 0
      ? emptyState('Nobody is in a job', 'Sessions appear here while somebody is connected to an agent.')
      : emptyState(
          'No session fits',
          `Nothing of ${countText(totals.sessions)} sessions fits “${data.query.search}”.`,
        );
  const columns = [
    { title: 'Agent', sort: 'id' },
    { title: 'Client', sort: 'client' },
    { title: 'Identity', sort: 'subject' },
    { title: 'To the agent', sort: 'sent', isNumber: true },
    { title: 'To the client', sort: 'received', isNumber: true },
    { title: 'Age', sort: 'age', isNumber: true },
    { title: 'Route' },
    { title: 'Pod', sort: 'pod' },
    { title: 'Session' },
    { title: '' },
  ] as const;
  return html`<table><caption class="unseen">Sessions</caption>${headOf(data, columns)}<tbody>${sessions.map((session) => sessionRowOf(data, session))}</tbody></table>`;
}

function sessionRowOf(data: PageData, session: SessionRow): Html {
  const { handle, id, pod, client, rule, subject, toAgent, toClient, since, route, resumable } = session;
  const end = actionForm(data, html`<button class="bad">End this session</button>`, {
    action: 'end_session',
    handle,
    pod,
  });
  const blocks = [client, ...(rule === null ? [] : [`rule:${rule}`])].map((target) =>
    blockLink(data, target),
  );
  const way = route === 'local' ? 'direct' : 'over a hop';
  const kind = resumable ? html`` : html` <span class="tag" title="it ends with its connection">plain</span>`;
  return html`<tr><td class="name mono" title="${id}">${id}</td><td class="mono">${word(client)}</td><td class="sub" title="${printable(subject ?? '')}">${word(subject)}</td><td class="num">${bytesText(toAgent)}</td><td class="num">${bytesText(toClient)}</td><td class="num" title="${momentText(since)}">${spanText(data.report.at - since)}</td><td>${way}${kind}</td><td title="${printable(pod)}">${podName(pod)}</td><td class="mono muted">${handle}</td><td class="act stay">${menuOf(`menu-${handle}`, `session ${handle} of ${id}`, [end, ...blocks])}</td></tr>`;
}

export function refusalTable({ report }: PageData): Html {
  const { refusals } = report;
  if (refusals.length === 0)
    return emptyState('Nobody was refused', 'In the last hour every request was let in.');
  return html`<table><caption class="unseen">Refusals of the last hour</caption><thead><tr><th scope="col">Reason</th><th scope="col" class="num">Last hour</th><th scope="col" class="num">Last 5 min</th><th scope="col">Each minute, the last at the right</th></tr></thead><tbody>${refusals.map(
    ({ code, total, minutes }) =>
      html`<tr><td class="mono">${code}</td><td class="num">${countText(total)}</td><td class="num">${countText(minutes.slice(-5).reduce((sum, count) => sum + count, 0))}</td><td>${sparkOf(minutes)}</td></tr>`,
  )}</tbody></table>`;
}

/** A bar for each minute, the highest as high as there is room. */
function sparkOf(minutes: RefusalHour['minutes']): Html {
  const most = Math.max(1, ...minutes);
  const bars = minutes.flatMap((count, index) => {
    if (count === 0) return [];
    const height = Math.max(1, Math.round((count / most) * 26));
    return [
      html`<rect x="${String(index * 4)}" y="${String(27 - height)}" width="3" height="${String(height)}"/>`,
    ];
  });
  return html`<svg class="spark" viewBox="0 0 240 28" preserveAspectRatio="none" role="img" aria-label="at most ${countText(most)} in a minute"><line x1="0" y1="27.5" x2="240" y2="27.5"/>${bars}</svg>`;
}

export function limitTable({ report }: PageData): Html {
  return html`<table><caption class="unseen">Limits</caption><thead><tr><th scope="col">Limit</th><th scope="col">Fullest on</th><th scope="col" class="num">Taken</th><th scope="col" class="num">Of</th><th scope="col" class="num">Share</th><th scope="col"></th></tr></thead><tbody>${report.limits.map(
    (level) => {
      const amount = /memory|heap|held/.test(level.limit) ? bytesText : countText;
      const share = shareOf(level);
      return html`<tr><td class="mono">${level.limit}</td><td>${word(level.pod)}</td><td class="num">${amount(Math.round(level.used))}</td><td class="num">${amount(Math.round(level.max))}</td><td class="num">${percentText(share)}</td><td>${meterOf(share)}</td></tr>`;
    },
  )}</tbody></table>`;
}

export function podTable({ report }: PageData): Html {
  const rows = report.pods.map(({ pod, address, draining, agents, clients, sessions, levels }) => {
    const [fullest] = [...levels].sort((one, other) => shareOf(other) - shareOf(one));
    const state = draining
      ? html`<span class="tag bad">draining</span>`
      : html`<span class="tag">serving</span>`;
    const share = fullest === undefined ? 0 : shareOf(fullest);
    return html`<tr><td>${word(pod)}</td><td class="mono">${word(address)}</td><td>${state}</td><td class="num">${countText(agents)}</td><td class="num">${countText(clients)}</td><td class="num">${countText(sessions.local + sessions.waiting)}</td><td class="num">${countText(sessions.forwarding)}</td><td class="mono">${fullest?.limit ?? '–'}</td><td class="num">${percentText(share)}</td><td>${meterOf(share)}</td></tr>`;
  });
  const silent = report.silent.map(
    ({ pod, address, unreachable }) =>
      html`<tr><td>${word(pod)}</td><td class="mono">${word(address)}</td><td colspan="8"><span class="tag bad">does not answer</span> ${word(unreachable)}</td></tr>`,
  );
  return html`<table><caption class="unseen">Pods</caption><thead><tr><th scope="col">Pod</th><th scope="col">Address</th><th scope="col">State</th><th scope="col" class="num">Agents</th><th scope="col" class="num">Clients</th><th scope="col" class="num">Sessions</th><th scope="col" class="num">Passing</th><th scope="col">Fullest limit</th><th scope="col" class="num">Share</th><th scope="col"></th></tr></thead><tbody>${[...rows, ...silent]}</tbody></table>`;
}
