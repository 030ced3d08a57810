// Every metric of the relay, declared once.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import type { ApiRecorder } from '../kubernetes/api-troubles.ts';
import type { EntryFault } from '../registry/redis-entry.ts';
import type { RedisFailure } from '../registry/redis-failure.ts';
import type { Recorder } from '../session/ports.ts';

/** What is read at the moment of a scrape instead of being counted along the way. */
export interface Readings {
  readonly agents: () => number;
  readonly sessions: () => number;
  /** What the agents here report. */
  readonly detachedClients: () => number;
  readonly pendingDials: () => number;
  /** Bytes since the start, by direction. */
  readonly bytes: () => { readonly toAgent: number; readonly toClient: number };
  readonly draining: () => boolean;
}

export interface Metrics extends Recorder, ApiRecorder {
  /** A call to the registry was answered, or was not. */
  registryCalled(operation: string, seconds: number, outcome: 'ok' | RedisFailure): void;
  /** An entry that a stranger wrote. */
  registryEntryDistrusted(fault: EntryFault): void;
  readonly contentType: string;
  text(): Promise<string>;
}

/** The metrics of one relay, in a registry of their own. `readings` may be given after the parts it reads exist. */
export function createMetrics(readings: Readings): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];

  function gauge(name: string, help: string, read: () => number): void {
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

  gauge('converge_agents', 'Agents with a control link on this pod.', readings.agents);
  gauge(
    'converge_detached_clients',
    'Clients of the agents on this pod that are without a transport at the moment and may resume.',
    readings.detachedClients,
  );
  gauge('converge_sessions', 'Sessions through this pod.', readings.sessions);
  gauge('converge_pending_dials', 'Clients that wait for the stream of an agent.', readings.pendingDials);
  gauge('converge_draining', '1 while this pod drains, else 0.', () => (readings.draining() ? 1 : 0));
  const bytesMoved = new Counter({
    name: 'converge_stream_bytes_total',
    help: 'Bytes moved between streams, by direction.',
    labelNames: ['direction'],
    registers: [],
    collect() {
      const bytes = readings.bytes();
      this.reset();
      this.inc({ direction: 'to_agent' }, bytes.toAgent);
      this.inc({ direction: 'to_client' }, bytes.toClient);
    },
  });
  registry.registerMetric(bytesMoved);

  const links = new Counter({ name: 'converge_agent_links_total', help: 'Control links opened.', registers });
  const unlinks = new Counter({
    name: 'converge_agent_links_closed_total',
    help: 'Control links closed, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const setUp = new Histogram({
    name: 'converge_session_setup_seconds',
    help: 'From the request of a client, or of an agent whose stream is forwarded, to the joined session, by route.',
    labelNames: ['route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const ends = new Counter({
    name: 'converge_sessions_ended_total',
    help: 'Sessions that ended, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const durations = new Histogram({
    name: 'converge_session_duration_seconds',
    help: 'How long sessions lasted.',
    buckets: [1, 10, 60, 300, 900, 3600, 14_400, 43_200],
    registers,
  });
  const refusals = new Counter({
    name: 'converge_refusals_total',
    help: 'Requests refused before the upgrade, by code.',
    labelNames: ['code'],
    registers,
  });
  const ignored = new Counter({
    name: 'converge_control_messages_ignored_total',
    help: 'Control messages of a type that this version does not know.',
    registers,
  });
  const left = new Counter({
    name: 'converge_clients_left_total',
    help: 'Clients that went away before they had a session.',
    registers,
  });
  const malformed = new Counter({
    name: 'converge_malformed_requests_total',
    help: 'Requests that no route could answer, by reason.',
    labelNames: ['reason'],
    registers,
  });

  const quick = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3];
  const orders = new Histogram({
    name: 'converge_dial_order_seconds',
    help: 'Asking the pod that holds an agent to dial it, by outcome.',
    labelNames: ['outcome'],
    buckets: quick,
    registers,
  });
  const hops = new Histogram({
    name: 'converge_hop_dial_seconds',
    help: 'Opening a hop to the pod where a client waits, by outcome.',
    labelNames: ['outcome'],
    buckets: quick,
    registers,
  });
  const registryCalls = new Histogram({
    name: 'converge_registry_call_seconds',
    help: 'Calls to the registry, by operation and outcome.',
    labelNames: ['operation', 'outcome'],
    buckets: quick,
    registers,
  });
  const registryUp = new Gauge({
    name: 'converge_registry_up',
    help: '1 if the last call to the registry was answered, else 0; 1 without a Redis.',
    registers,
  });
  registryUp.set(1);
  const distrusted = new Counter({
    name: 'converge_registry_entries_distrusted_total',
    help: 'Registry entries that no pod of this cluster wrote, by what is wrong with them.',
    labelNames: ['fault'],
    registers,
  });
  const clusterFailures = new Counter({
    name: 'converge_kubernetes_calls_failed_total',
    help: 'Calls to the Kubernetes API that did not do their work, by call and trouble.',
    labelNames: ['call', 'trouble'],
    registers,
  });
  const rejections = new Counter({
    name: 'converge_peer_rejections_total',
    help: 'Requests on the internal listener whose peer credential was no good, by verdict.',
    labelNames: ['verdict'],
    registers,
  });

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    agentLinked: () => {
      links.inc();
    },
    agentUnlinked: (reason: CloseReason) => {
      unlinks.inc({ reason });
    },
    sessionStarted: (route, setUpSeconds) => {
      setUp.observe({ route }, setUpSeconds);
    },
    sessionEnded: (reason, seconds) => {
      ends.inc({ reason });
      durations.observe(seconds);
    },
    refused: (code: RefusalCode) => {
      refusals.inc({ code });
    },
    controlMessageIgnored: () => {
      ignored.inc();
    },
    clientLeft: () => {
      left.inc();
    },
    requestMalformed: (reason) => {
      malformed.inc({ reason });
    },
    orderSent: (outcome, seconds) => {
      orders.observe({ outcome }, seconds);
    },
    hopDialled: (outcome, seconds) => {
      hops.observe({ outcome }, seconds);
    },
    registryCalled: (operation, seconds, outcome) => {
      registryCalls.observe({ operation, outcome }, seconds);
      registryUp.set(outcome === 'ok' ? 1 : 0);
    },
    registryEntryDistrusted: (fault) => {
      distrusted.inc({ fault });
    },
    clusterCallFailed: (call, trouble) => {
      clusterFailures.inc({ call, trouble });
    },
    peerRejected: (verdict) => {
      rejections.inc({ verdict });
    },
  };
}
