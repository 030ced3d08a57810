// What one pod says of itself to the operator's view: its state in figures, and its part of the table that is asked for.
import type { Clock } from '#shared/time/clock.ts';
import type { Admission } from '../../limits/admission.ts';
import type { Owner } from '../../registry/registry.ts';
import type { AgentTable } from '../../session/agent-table.ts';
import type { SessionRoute, SessionTable } from '../../session/session-table.ts';
import type { RecentRefusals, RefusalCounts } from './recent-refusals.ts';
import { agentRow, type Found, findRows, type Row, sessionRow } from './rows.ts';
import type { ViewQuery } from './view-query.ts';

/** Pods of another version of this form do not understand one another, and say so. */
export const REPORT_VERSION = 1;

export interface PodLevel {
  readonly limit: string;
  readonly used: number;
  readonly max: number;
}

export interface PodReport extends Found<Row> {
  readonly version: typeof REPORT_VERSION;
  readonly pod: string;
  readonly address: string;
  readonly draining: boolean;
  readonly agents: number;
  /** Logged in to the agents here, as these say. */
  readonly clients: number;
  readonly sessions: Readonly<Record<SessionRoute, number>>;
  readonly levels: readonly PodLevel[];
  readonly refusals: RefusalCounts;
}

export interface ReportOptions {
  readonly clock: Clock;
  /** This pod; its address is known once the internal listener is open. */
  readonly self: Owner;
  readonly agents: AgentTable;
  readonly sessions: SessionTable;
  readonly admission: Pick<Admission, 'levels'>;
  readonly refusals: RecentRefusals;
  /** Aborts when this pod is asked to leave. */
  readonly leaving: AbortSignal;
}

/** Of the rows it gives the first pages up to the one that is asked for: those of all pods are sorted together. */
export function reportHere(options: ReportOptions, query: ViewQuery): PodReport {
  const { self, agents, sessions, admission, refusals, leaving } = options;
  return {
    version: REPORT_VERSION,
    pod: self.pod,
    address: self.address,
    draining: leaving.aborted,
    agents: agents.size,
    clients: agents.clients.all,
    sessions: sessions.counts,
    levels: [...admission.levels()].map(([limit, { used, max }]) => ({ limit, used, max })),
    refusals: refusals.counts(),
    ...rowsHere(options, query),
  };
}

/** The bytes of the open sessions to each of `ids` whose clients are on this pod. */
export function trafficHere(
  sessions: SessionTable,
  ids: ReadonlySet<string>,
): Readonly<Record<string, number>> {
  const traffic: Record<string, number> = {};
  for (const { id, route, bytes } of sessions)
    if (route !== 'forwarding' && ids.has(id))
      traffic[id] = (traffic[id] ?? 0) + bytes.toAgent + bytes.toClient;
  return traffic;
}

function rowsHere({ self, agents, sessions }: ReportOptions, query: ViewQuery): Found<Row> {
  const limit = query.page * query.size;
  switch (query.view) {
    case 'agents':
      return findRows(agents, (agent) => agentRow(agent, self.pod), query, limit);
    case 'sessions': {
      // One over a hop is on two pods; the one where its client is knows the client.
      const own = [...sessions].filter(({ route }) => route !== 'forwarding');
      return findRows(own, (session) => sessionRow(session, self.pod), query, limit);
    }
    default:
      return { rows: [], matched: 0 };
  }
}
