// The rows of the two long tables: searched, sorted and cut the same way on each pod and where the pods' rows are merged.
import type { Agent } from '../../session/agent-table.ts';
import type { Admittance } from '../../session/needs.ts';
import type { Session, SessionRoute } from '../../session/session-table.ts';
import type { SortKey, ViewQuery } from './view-query.ts';

/** By which rule and as whom; null in a relay that is open. */
interface Admitted {
  readonly rule: string | null;
  readonly subject: string | null;
}

/** Times are in milliseconds since the Unix epoch. */
export interface AgentRow extends Admitted {
  readonly id: string;
  readonly pod: string;
  readonly address: string;
  readonly since: number;
  /** Null until the agent has said it. */
  readonly expiresAt: number | null;
  readonly clients: number;
  readonly detached: number;
}

export interface SessionRow extends Admitted {
  readonly handle: string;
  /** Of the agent. */
  readonly id: string;
  readonly pod: string;
  readonly client: string;
  readonly since: number;
  readonly route: SessionRoute;
  readonly resumable: boolean;
  readonly toAgent: number;
  readonly toClient: number;
}

export type Row = AgentRow | SessionRow;

/** Rows of one page, and how many the search has found in all. */
export interface Found<Of> {
  readonly rows: readonly Of[];
  readonly matched: number;
}

export function agentRow(agent: Agent & MayBeAdmitted, pod: string): AgentRow {
  const { id, address, since, status } = agent;
  return {
    id,
    pod,
    address,
    since,
    expiresAt: status?.expiresAt ?? null,
    clients: status?.clients ?? 0,
    detached: status?.detached ?? 0,
    ...admitted(agent),
  };
}

export function sessionRow(session: Session & MayBeAdmitted, pod: string): SessionRow {
  const { handle, id, client, since, route, resumable, bytes } = session;
  return { handle, id, pod, client, since, route, resumable, ...bytes, ...admitted(session) };
}

/** What of a list a page shows; looks at each item once, and sorts those that the search has found. */
export function findRows<Item, Of extends Row>(
  items: Iterable<Item>,
  rowOf: (item: Item) => Of,
  query: ViewQuery,
  limit: number,
): Found<Of> {
  const words = query.search.toLowerCase().split(/\s+/).filter(Boolean);
  const found: Of[] = [];
  for (const item of items) {
    const row = rowOf(item);
    if (words.length === 0 || hasAll(row, words)) found.push(row);
  }
  return { rows: sortRows(found, query).slice(0, limit), matched: found.length };
}

/** Sorts `rows` in place. Of equals the ID decides, so that a page that is loaded again shows the same. */
export function sortRows<Of extends Row>(rows: Of[], { sort, direction }: ViewQuery): Of[] {
  const sign = direction === 'asc' ? 1 : -1;
  return rows.sort(
    (one, other) =>
      sign * compare(valueOf(one, sort), valueOf(other, sort)) || compare(tieOf(one), tieOf(other)),
  );
}

/** By which rule it is in; undefined in a relay that is open. */
export function ruleOf({ admittance }: (Agent | Session) & MayBeAdmitted): string | undefined {
  return admittance?.rule;
}

interface MayBeAdmitted {
  readonly admittance?: Admittance | undefined;
}

function admitted({ admittance }: MayBeAdmitted): Admitted {
  return { rule: admittance?.rule ?? null, subject: admittance?.subject ?? null };
}

function hasAll(row: Row, words: readonly string[]): boolean {
  const own = 'client' in row ? `${row.client} ${row.handle} ${row.route}` : row.address;
  const text = `${row.id} ${own} ${row.pod} ${row.rule ?? ''} ${row.subject ?? ''}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Undefined sorts behind everything, whichever way. */
function valueOf(row: Row, sort: SortKey): string | number {
  switch (sort) {
    case 'age':
      return -row.since;
    case 'id':
    case 'pod':
      return row[sort];
    case 'rule':
    case 'subject':
      return row[sort] ?? '';
    case 'deadline':
      return ('expiresAt' in row ? row.expiresAt : null) ?? Number.MAX_SAFE_INTEGER;
    case 'clients':
      return 'clients' in row ? row.clients : 0;
    case 'client':
      return 'client' in row ? row.client : '';
    case 'received':
      return 'toClient' in row ? row.toClient : 0;
    case 'sent':
      return 'toAgent' in row ? row.toAgent : 0;
  }
}

function tieOf(row: Row): string {
  return 'handle' in row ? `${row.id} ${row.handle}` : row.id;
}

function compare(one: string | number, other: string | number): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
