// What the relay counts as it happens, put together for a scrape. Gauges are in readings.ts.
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { AuditRecorder } from '../audit/audit-trail.ts';
import type { GateRecorder } from '../gate/gate.ts';
import type { PeerRecorder } from '../http/door/peer.ts';
import type { RefusalRecorder } from '../http/door/refusal.ts';
import type { UntakenRecorder } from '../http/listener/untaken-answers.ts';
import type { OperatorRecorder } from '../http/operator/acting.ts';
import { ACTION_KINDS } from '../http/operator/action.ts';
import type { AgentRouteRecorder } from '../http/route/agent.ts';
import type { ClientRouteRecorder } from '../http/route/client.ts';
import type { Exposition } from '../http/route/metrics.ts';
import type { KeyFetchRecorder } from '../identity/oidc/issuer-keys.ts';
import type { ApiRecorder } from '../kubernetes/api-troubles.ts';
import type { LimitRecorder } from '../limits/admission.ts';
import { MET_LIMITS } from '../limits/limit-table.ts';
import type { PolicyRecorder } from '../policy/file/policy-watch.ts';
import type { RegistryRecorder } from '../registry/registry-recorder.ts';
import type { AgentRecorder } from '../session/agent-table.ts';
import type { OrderRecorder } from '../session/router.ts';
import type { SessionRecorder } from '../session/session-table.ts';
import { SIGN_ON_OUTCOMES, SIGN_ON_WAYS, type SignOnRecorder } from '../sso/needs.ts';
import { countAudit } from './audit-metrics.ts';
import { countFromZero } from './counter.ts';
import { countAdmissions } from './gate-metrics.ts';
import { countKeyFetches } from './issuer-metrics.ts';
import { countApiFailures, countPeerCalls, countPeerRejections, countRegistryCalls } from './pod-metrics.ts';
import { type Readings, registerReadings } from './readings.ts';
import { countRequests } from './request-metrics.ts';
import { countLinks, countResumptions, countSessions } from './session-metrics.ts';

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

/** Every recorder that a part of the relay asks for. */
export interface Metrics
  extends AgentRecorder,
    AgentRouteRecorder,
    ApiRecorder,
    AuditRecorder,
    ClientRouteRecorder,
    Exposition,
    GateRecorder,
    KeyFetchRecorder,
    LimitRecorder,
    OperatorRecorder,
    OrderRecorder,
    PeerRecorder,
    PolicyRecorder,
    RegistryRecorder,
    RefusalRecorder,
    SessionRecorder,
    SignOnRecorder,
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
  return {
    contentType: counted.contentType,
    // Each ends with one line end, and a blank line stands between two metrics.
    text: async () => `${await scraped.metrics()}\n${await counted.metrics()}`,
    read: (readings) => {
      registerReadings(scraped, readings);
    },
    // In the order in which a scrape shows them.
    ...countLimits(counted),
    ...countLinks(counted),
    ...countSessions(counted),
    ...countResumptions(counted),
    ...countRequests(counted),
    ...countAdmissions(counted),
    ...countKeyFetches(counted),
    ...countSignOns(counted),
    ...countPeerCalls(counted),
    ...countRegistryCalls(counted),
    ...countApiFailures(counted),
    ...countPeerRejections(counted),
    ...countActions(counted),
    ...countAudit(counted),
  };
}

function countSignOns(register: Registry): SignOnRecorder {
  const signOns = countFromZero(
    register,
    'converge_sign_ons_total',
    'Sign-ons at the provider: how people did it, and what came of it.',
    { way: SIGN_ON_WAYS, outcome: SIGN_ON_OUTCOMES },
  );
  return {
    signOn: (way, outcome) => {
      signOns.inc({ way, outcome });
    },
  };
}

function countActions(register: Registry): OperatorRecorder {
  const actions = countFromZero(
    register,
    'converge_operator_actions_total',
    "What operators did on this pod's page, by action.",
    { action: ACTION_KINDS },
  );
  return {
    operatorActed: (action) => {
      actions.inc({ action });
    },
  };
}

function countLimits(register: Registry): LimitRecorder {
  const hits = countFromZero(
    register,
    'converge_limit_hits_total',
    'What was refused, or of `address_held` cut, because of a limit, by limit.',
    { limit: MET_LIMITS },
  );
  return {
    limitMet: (limit) => {
      hits.inc({ limit });
    },
  };
}
