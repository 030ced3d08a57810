// What all pods say of themselves, as one: figures added up, rows merged, and the pods that do not answer named.
import type { Clock } from '#shared/time/clock.ts';
import type { ClusterKey } from '../../hop/cluster-key.ts';
import type { Cluster, Peer } from '../../kubernetes/cluster.ts';
import type { Block, Blocks } from '../../registry/blocks.ts';
import { askPeer } from './peer-question.ts';
import { type PodReport, REPORT_VERSION, type ReportOptions, reportHere, trafficHere } from './pod-report.ts';
import { emptyHour } from './recent-refusals.ts';
import { type AgentRow, type SessionRow, sortRows } from './rows.ts';
import { formatViewQuery, type ViewQuery } from './view-query.ts';

/** Where pods ask each other for their part of the view. */
export const PART_PATH = '/operator/part';
export const TRAFFIC_PATH = '/operator/traffic';

export interface ClusterReportOptions extends ReportOptions {
  readonly clock: Clock;
  readonly key: ClusterKey;
  readonly cluster: Pick<Cluster, 'peers'>;
  readonly blocks: Blocks;
}

export type PodState = Pick<
  PodReport,
  'pod' | 'address' | 'draining' | 'agents' | 'clients' | 'sessions' | 'levels'
>;

export interface SilentPod {
  readonly pod: string;
  readonly address: string;
  readonly unreachable: string;
}

/** How full a limit is, on the pod where it is fullest. */
export interface FullestLevel {
  readonly limit: string;
  readonly pod: string;
  readonly used: number;
  readonly max: number;
}

export interface RefusalHour {
  readonly code: string;
  /** Of each minute, the oldest first. */
  readonly minutes: readonly number[];
  readonly total: number;
}

/** An agent with the bytes of its open sessions, on all pods and both ways. */
export type ShownAgent = AgentRow & { readonly bytes: number };

/** The operator's view. Times are in milliseconds since the Unix epoch. */
export interface ClusterReport {
  /** The pod that was asked, and when. */
  readonly pod: string;
  readonly at: number;
  readonly totals: {
    readonly agents: number;
    readonly clients: number;
    readonly sessions: number;
    readonly refusals: number;
    readonly blocks: number;
  };
  readonly pods: readonly PodState[];
  readonly silent: readonly SilentPod[];
  /** The fullest first. */
  readonly limits: readonly FullestLevel[];
  /** The most frequent first. */
  readonly refusals: readonly RefusalHour[];
  readonly blocks: readonly Block[];
  readonly agents: readonly ShownAgent[];
  readonly sessions: readonly SessionRow[];
  /** How many rows the search has found on all pods that answer. */
  readonly matched: number;
}

/** Asks all pods at once. */
export async function reportCluster(options: ClusterReportOptions, query: ViewQuery): Promise<ClusterReport> {
  const { clock, self, blocks } = options;
  const others = otherPods(options);
  const answers = await Promise.all(others.map((peer) => reportThere(peer, query, options)));
  const reports = [reportHere(options, query), ...answers.filter((answer) => 'rows' in answer)];
  const rows = sortRows(
    reports.flatMap((report) => [...report.rows]),
    query,
  ).slice((query.page - 1) * query.size, query.page * query.size);
  const refusals = addRefusals(reports);
  const inForce = blocks.list();
  return {
    pod: self.pod,
    at: clock.wallTime(),
    totals: {
      agents: sum(reports, ({ agents }) => agents),
      clients: sum(reports, ({ clients }) => clients),
      sessions: sum(reports, ({ sessions }) => sessions.local + sessions.waiting),
      // Not the first answer to everybody whom the policy asks for a proof: nobody is kept out by it who has one.
      refusals: sum(refusals, ({ code, total }) => (code === 'identity_required' ? 0 : total)),
      blocks: inForce.length,
    },
    pods: reports.map(stateOf),
    silent: answers.filter((answer) => 'unreachable' in answer),
    limits: fullestOf(reports),
    refusals,
    blocks: inForce,
    agents: query.view === 'agents' ? await withTraffic(rows as AgentRow[], options) : [],
    sessions: query.view === 'sessions' ? (rows as SessionRow[]) : [],
    matched: sum(reports, ({ matched }) => matched),
  };
}

/** The pods beside this one, as Kubernetes knows them. */
export function otherPods({ cluster, self }: Pick<ClusterReportOptions, 'cluster' | 'self'>): Peer[] {
  return cluster.peers().filter(({ address }) => address !== self.address);
}

/** True for what a pod of this version answers; its rows are believed, since it is of this cluster. */
export function isPodReport(record: object): record is PodReport {
  const { version, rows, levels } = record as Partial<Record<keyof PodReport, unknown>>;
  return version === REPORT_VERSION && Array.isArray(rows) && Array.isArray(levels);
}

async function reportThere(
  { name: pod, address }: Peer,
  query: ViewQuery,
  options: ClusterReportOptions,
): Promise<PodReport | SilentPod> {
  const path = `${PART_PATH}?${formatViewQuery(query, { page: query.page })}`;
  const answer = await askPeer(address, { method: 'GET', path, body: '' }, options);
  if (answer.kind === 'silent') return { pod, address, unreachable: answer.why };
  return isPodReport(answer.record)
    ? answer.record
    : { pod, address, unreachable: 'it is of another version' };
}

/** Only for the rows of the page, since an agent's sessions can be on every pod. */
async function withTraffic(
  rows: readonly AgentRow[],
  options: ClusterReportOptions,
): Promise<readonly ShownAgent[]> {
  const ids = rows.map(({ id }) => id);
  const body = JSON.stringify({ ids });
  const request = { method: 'POST', path: TRAFFIC_PATH, body };
  const others = ids.length === 0 ? [] : otherPods(options);
  const answers = await Promise.all(others.map(({ address }) => askPeer(address, request, options)));
  const parts: Readonly<Record<string, unknown>>[] = [trafficHere(options.sessions, new Set(ids))];
  for (const answer of answers) if (answer.kind === 'answered') parts.push(answer.record);
  return rows.map((row) => ({
    ...row,
    bytes: sum(parts, ({ [row.id]: bytes }) => (typeof bytes === 'number' ? bytes : 0)),
  }));
}

function stateOf({ pod, address, draining, agents, clients, sessions, levels }: PodReport): PodState {
  return { pod, address, draining, agents, clients, sessions, levels };
}

function addRefusals(reports: readonly PodReport[]): readonly RefusalHour[] {
  const hours = new Map<string, number[]>();
  for (const { refusals } of reports)
    for (const [code, minutes] of Object.entries(refusals)) {
      const hour = hours.get(code) ?? emptyHour();
      hours.set(code, hour);
      for (const [index, count] of minutes.entries()) hour[index] = (hour[index] ?? 0) + count;
    }
  return [...hours]
    .map(([code, minutes]) => ({ code, minutes, total: sum(minutes, (count) => count) }))
    .sort((one, other) => other.total - one.total || (one.code < other.code ? -1 : 1));
}

function fullestOf(reports: readonly PodReport[]): readonly FullestLevel[] {
  const fullest = new Map<string, FullestLevel>();
  for (const { pod, levels } of reports)
    for (const level of levels) {
      const known = fullest.get(level.limit);
      if (known === undefined || shareOf(level) > shareOf(known)) fullest.set(level.limit, { ...level, pod });
    }
  return [...fullest.values()].sort((one, other) => shareOf(other) - shareOf(one));
}

/** Of a limit, from 0 to 1 and above. */
export function shareOf({ used, max }: { readonly used: number; readonly max: number }): number {
  return max > 0 ? used / max : 0;
}

function sum<Item>(items: readonly Item[], valueOf: (item: Item) => number): number {
  return items.reduce((total, item) => total + valueOf(item), 0);
}
