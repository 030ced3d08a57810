// What the relay counts as it happens: every counter and histogram, declared once. Gauges are in readings.ts.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { CLOSE_REASONS, type CloseReason } from '#shared/protocol/close-reasons.ts';
import { RESUMPTION_OUTCOMES } from '#shared/protocol/control-messages.ts';
import { REFUSALS, type RefusalCode } from '#shared/protocol/refusals.ts';
import type { StreamDialOutcome } from '#shared/websocket/dial-stream.ts';
import { PEER_REJECTIONS, type PeerRecorder } from '../http/door/peer.ts';
import type { RefusalRecorder } from '../http/door/refusal.ts';
import { MALFORMED_REASONS } from '../http/listener/malformed.ts';
import type { UntakenRecorder } from '../http/listener/untaken-answers.ts';
import type { AgentRouteRecorder } from '../http/route/agent.ts';
import type { ClientRouteRecorder } from '../http/route/client.ts';
import type { Exposition } from '../http/route/metrics.ts';
import { API_CALLS, API_TROUBLES, type ApiRecorder } from '../kubernetes/api-troubles.ts';
import type { LimitRecorder } from '../limits/admission.ts';
import { MET_LIMITS } from '../limits/limit-table.ts';
import {
  ENTRY_FAULTS,
  REGISTRY_FAILURES,
  REGISTRY_OPERATIONS,
  type RegistryRecorder,
} from '../registry/registry-recorder.ts';
import type { AgentRecorder } from '../session/agent-table.ts';
import type { OrderOutcome } from '../session/needs.ts';
import type { OrderRecorder } from '../session/router.ts';
import { SESSION_ROUTES, type SessionRecorder } from '../session/session-table.ts';
import { type Readings, registerReadings } from './readings.ts';

/**
 * Default metrics of prom-client that look at every socket: with 5,000 agents and as many sessions a scrape would hold
 * the event loop for 30 ms, and all keys with it.
 */
const COSTLY_METRICS = [
  'process_open_fds',
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
];

/** The longest gap that an agent is believed, in seconds: jobs end before, and one agent must not spoil the sum. */
const MAX_GAP_SECONDS = 86_400;

/** Every recorder that a part of the relay asks for. */
export interface Metrics
  extends AgentRecorder,
    AgentRouteRecorder,
    ApiRecorder,
    ClientRouteRecorder,
    Exposition,
    LimitRecorder,
    OrderRecorder,
    PeerRecorder,
    RegistryRecorder,
    RefusalRecorder,
    SessionRecorder,
    UntakenRecorder {
  /** Shows at each scrape what the other parts say. To be called once, when they are there. */
  read(readings: Readings): void;
}

/** The metrics of one relay: those that are read at a scrape come first, those that are counted after them. */
export function createMetrics(): Metrics {
  const scraped = new Registry();
  collectDefaultMetrics({ register: scraped });
  for (const name of COSTLY_METRICS) scraped.removeSingleMetric(name);
  const counted = new Registry();
  const registers = [counted];

  /** What has not happened yet is there with 0, so that the first time is seen as a rise. */
  function counter<Label extends string>(
    name: string,
    help: string,
    labels: Readonly<Record<Label, readonly string[]>>,
  ): Counter<Label> {
    const labelNames = Object.keys(labels) as Label[];
    const metric = new Counter({ name, help, labelNames, registers });
    let sets: Partial<Record<Label, string>>[] = [{}];
    for (const label of labelNames)
      sets = sets.flatMap((set) => labels[label].map((value) => ({ ...set, [label]: value })));
    for (const set of sets) metric.inc(set, 0);
    return metric;
  }

  const limitHits = counter(
    'converge_limit_hits_total',
    'What was refused, or of `address_held` cut, because of a limit, by limit.',
    { limit: MET_LIMITS },
  );

  const links = counter('converge_agent_links_total', 'Control links opened.', {});
  const unlinks = counter('converge_agent_links_closed_total', 'Control links closed, by reason.', {
    reason: Object.keys(CLOSE_REASONS),
  });
  const setUp = new Histogram({
    name: 'converge_session_setup_seconds',
    help: 'From the request of a client, or from when the agent appeared that it waited for, to the joined session, by route; on the pod of the client only.',
    labelNames: ['route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  for (const route of SESSION_ROUTES) if (route !== 'forwarding') setUp.zero({ route });
  const ends = counter(
    'converge_sessions_ended_total',
    'Sessions that ended, by route and reason; one over a hop counts on two pods.',
    { route: SESSION_ROUTES, reason: Object.keys(CLOSE_REASONS) },
  );
  const durations = new Histogram({
    name: 'converge_session_duration_seconds',
    help: 'How long sessions lasted, resumed ones from one transport to the next; on the pod of the client only.',
    buckets: [1, 10, 60, 300, 900, 3600, 14_400, 43_200],
    registers,
  });
  const resumes = counter(
    'converge_resumes_total',
    'What became of sessions that lost their transport, as the agents report: resumed, given_up (nobody came within the resume window) or unknown_session (the client came to an agent that does not have it).',
    { outcome: RESUMPTION_OUTCOMES },
  );
  const gaps = new Histogram({
    name: 'converge_resume_gap_seconds',
    help: 'How long the sessions that were resumed had been without a transport.',
    buckets: [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 120, 300],
    registers,
  });
  const refusals = counter('converge_refusals_total', 'Requests refused before the upgrade, by code.', {
    code: Object.keys(REFUSALS),
  });
  const ignored = counter(
    'converge_control_messages_ignored_total',
    'Control messages of a type that this version does not know.',
    {},
  );
  const left = counter(
    'converge_clients_left_total',
    'Clients that went away before they had a session.',
    {},
  );
  const malformed = counter(
    'converge_malformed_requests_total',
    'Requests that no route could answer, by reason.',
    { reason: MALFORMED_REASONS },
  );
  const untaken = counter(
    'converge_answers_untaken_total',
    'Answers, such as downloads, of which the peer took nothing for 30 s, so that it was cut.',
    {},
  );

  const quick = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3];
  const orders = new Histogram({
    name: 'converge_dial_order_seconds',
    help: 'Asking the pod that holds an agent to dial it, by outcome.',
    labelNames: ['outcome'],
    buckets: quick,
    registers,
  });
  for (const outcome of ['sent', 'not_here', 'unreachable', 'failed'] satisfies OrderOutcome['kind'][])
    orders.zero({ outcome });
  const hops = new Histogram({
    name: 'converge_hop_dial_seconds',
    help: 'Opening a hop to the pod where a client waits, by outcome.',
    labelNames: ['outcome'],
    buckets: quick,
    registers,
  });
  for (const outcome of ['open', 'refused', 'unreachable'] satisfies StreamDialOutcome['kind'][])
    hops.zero({ outcome });
  const registryCalls = new Histogram({
    name: 'converge_registry_call_seconds',
    help: 'Calls to the registry that were answered, by operation.',
    labelNames: ['operation'],
    buckets: quick,
    registers,
  });
  for (const operation of REGISTRY_OPERATIONS) registryCalls.zero({ operation });
  const registryFailures = counter(
    'converge_registry_call_failures_total',
    'Calls to the registry that were not answered, or with an error, by operation and failure.',
    { operation: REGISTRY_OPERATIONS, failure: REGISTRY_FAILURES },
  );
  const registryUp = new Gauge({
    name: 'converge_registry_up',
    help: '1 while there is a connection to a Redis that takes writes, else 0; 1 without a Redis.',
    registers,
  });
  registryUp.set(1);
  const distrusted = counter(
    'converge_registry_entries_distrusted_total',
    'Registry entries that no pod of this cluster wrote, by what is wrong with them.',
    { fault: ENTRY_FAULTS },
  );
  const clusterFailures = counter(
    'converge_kubernetes_calls_failed_total',
    'Calls to the Kubernetes API that did not do their work, by call and trouble.',
    { call: API_CALLS, trouble: API_TROUBLES },
  );
  const rejections = counter(
    'converge_peer_rejections_total',
    'Requests on the internal listener whose peer credential was no good, or whose dial order was none, by verdict.',
    { verdict: PEER_REJECTIONS },
  );

  return {
    contentType: counted.contentType,
    // Each ends with one line end, and a blank line stands between two metrics.
    text: async () => `${await scraped.metrics()}\n${await counted.metrics()}`,
    read: (readings) => {
      registerReadings(scraped, readings);
    },
    agentLinked: () => {
      links.inc();
    },
    agentUnlinked: (reason: CloseReason) => {
      unlinks.inc({ reason });
    },
    sessionStarted: (route, setUpSeconds) => {
      // The far end of a hop is the same session again, and has its own metric: converge_hop_dial_seconds.
      if (route !== 'forwarding') setUp.observe({ route }, setUpSeconds);
    },
    sessionEnded: (route, reason, seconds) => {
      ends.inc({ route, reason });
      if (route !== 'forwarding') durations.observe(seconds);
    },
    resumptionReported: (outcome, afterSeconds) => {
      resumes.inc({ outcome });
      if (outcome === 'resumed') gaps.observe(Math.min(afterSeconds, MAX_GAP_SECONDS));
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
    answerUntaken: () => {
      untaken.inc();
    },
    orderSent: (outcome, seconds) => {
      orders.observe({ outcome }, seconds);
    },
    hopDialled: (outcome, seconds) => {
      hops.observe({ outcome }, seconds);
    },
    registryCalled: (operation, seconds, outcome) => {
      if (outcome === 'ok') registryCalls.observe({ operation }, seconds);
      else registryFailures.inc({ operation, failure: outcome });
    },
    registryConnected: (isConnected) => {
      registryUp.set(isConnected ? 1 : 0);
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
    limitMet: (limit) => {
      limitHits.inc({ limit });
    },
  };
}
