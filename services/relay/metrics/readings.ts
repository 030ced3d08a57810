// What is read at the moment of a scrape instead of being counted along the way.
import { Counter, Gauge, type Registry } from 'prom-client';
import type { MetLimit } from '../limits/limit-table.ts';
import type { Level } from '../limits/pod-limits.ts';
import type { PolicyFileState } from '../policy/policy.ts';
import type { ByteCounts, SessionRoute } from '../session/session-table.ts';

export interface Readings {
  readonly agents: () => number;
  /** What the agents here report. */
  readonly clients: () => { readonly all: number; readonly detached: number };
  readonly sessions: () => Readonly<Record<SessionRoute, number>>;
  /** Outside of JavaScript. */
  readonly pumped: () => number;
  readonly pendingDials: () => number;
  /** Bytes since the start. */
  readonly bytes: () => Readonly<Record<SessionRoute, ByteCounts>>;
  readonly draining: () => boolean;
  /** Since the start. */
  readonly logLinesDropped: () => number;
  /** Those in force, as this pod knows them. */
  readonly blocks: () => number;
  readonly auditWaitingBytes: () => number;
  /** Undefined: there is no policy file. */
  readonly policy: () => PolicyFileState | undefined;
  readonly limits: () => ReadonlyMap<MetLimit, Level>;
}

/** Registers a metric for each reading, in the order in which a scrape shows them. */
export function registerReadings(registry: Registry, readings: Readings): void {
  readAgents(registry, readings);
  readSessions(registry, readings);
  readBytes(registry, readings);
  readLostLines(registry, readings);
  readLimits(registry, readings);
  gauge(
    registry,
    'converge_blocks',
    'Addresses and rules that operators have blocked, as this pod knows them.',
    readings.blocks,
  );
  gauge(
    registry,
    'converge_audit_waiting_bytes',
    'Audit lines that wait for the file or the endpoint, in bytes.',
    readings.auditWaitingBytes,
  );
  readPolicy(registry, readings);
}

function readAgents(registry: Registry, { agents, clients }: Readings): void {
  gauge(registry, 'converge_agents', 'Agents with a control link on this pod.', agents);
  gauge(
    registry,
    'converge_clients',
    'Clients logged in to the agents on this pod, wherever their streams run; each counts once.',
    () => clients().all,
  );
  gauge(
    registry,
    'converge_detached_clients',
    'Clients of the agents on this pod that are without a transport at the moment and may resume.',
    () => clients().detached,
  );
}

function readSessions(registry: Registry, readings: Readings): void {
  const sessions = new Gauge({
    name: 'converge_sessions',
    help: 'Sessions through this pod, by route; one over a hop counts on two pods, as waiting and as forwarding.',
    labelNames: ['route'],
    registers: [],
    collect() {
      for (const [route, count] of Object.entries(readings.sessions())) this.set({ route }, count);
    },
  });
  registry.registerMetric(sessions);
  gauge(
    registry,
    'converge_sessions_native',
    'Sessions whose bytes the native pump moves at the moment; the others are moved by JavaScript.',
    readings.pumped,
  );
  gauge(
    registry,
    'converge_pending_dials',
    'Clients whose agent was told to open a stream.',
    readings.pendingDials,
  );
  gauge(registry, 'converge_draining', '1 while this pod drains, else 0.', () =>
    readings.draining() ? 1 : 0,
  );
}

function readBytes(registry: Registry, readings: Readings): void {
  const bytesMoved = new Counter({
    name: 'converge_stream_bytes_total',
    help: 'Bytes moved between streams, by route and direction; those over a hop count on two pods.',
    labelNames: ['route', 'direction'],
    registers: [],
    collect() {
      this.reset();
      for (const [route, { toAgent, toClient }] of Object.entries(readings.bytes())) {
        this.inc({ route, direction: 'to_agent' }, toAgent);
        this.inc({ route, direction: 'to_client' }, toClient);
      }
    },
  });
  registry.registerMetric(bytesMoved);
}

function readLostLines(registry: Registry, readings: Readings): void {
  const linesDropped = new Counter({
    name: 'converge_log_lines_dropped_total',
    help: 'Lines of the log that are lost, because nobody read them in time.',
    registers: [],
    collect() {
      this.reset();
      this.inc(readings.logLinesDropped());
    },
  });
  registry.registerMetric(linesDropped);
}

function readLimits(registry: Registry, readings: Readings): void {
  const limitMax = new Gauge({
    name: 'converge_limit_max',
    help: 'The most that a limit allows, in its own unit (links, clients, sessions, downloads, requests, bytes).',
    labelNames: ['limit'],
    registers: [],
  });
  const limitUsed = new Gauge({
    name: 'converge_limit_used',
    help: 'How much of a limit is taken, in its own unit; of one per client address, by the address that has most.',
    labelNames: ['limit'],
    registers: [],
    collect() {
      for (const [limit, { used, max }] of readings.limits()) {
        this.set({ limit }, used);
        limitMax.set({ limit }, max);
      }
    },
  });
  registry.registerMetric(limitUsed);
  registry.registerMetric(limitMax);
}

function readPolicy(registry: Registry, { policy }: Readings): void {
  const info = new Gauge({
    name: 'converge_policy_info',
    help: '1 for the policy in force, by the SHA-256 of its file; none: the relay is open.',
    labelNames: ['sha256'],
    registers: [],
    collect() {
      this.reset();
      const state = policy();
      if (state !== undefined) this.set({ sha256: state.sha256 }, 1);
    },
  });
  registry.registerMetric(info);
  gauge(
    registry,
    'converge_policy_stale',
    '1 while the policy file has faults, and the policy before it stays in force, else 0.',
    () => (policy()?.isStale === true ? 1 : 0),
  );
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  const metric = new Gauge({
    name,
    help,
    registers: [],
    collect() {
      this.set(read());
    },
  });
  registry.registerMetric(metric);
}
