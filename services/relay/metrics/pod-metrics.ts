// What is counted between this pod and what stands beside it: the other pods, the registry, Kubernetes.
import { Gauge, Histogram, type Registry } from 'prom-client';
import type { StreamDialOutcome } from '#shared/websocket/dial-stream.ts';
import { PEER_REJECTIONS, type PeerRecorder } from '../http/door/peer.ts';
import type { AgentRouteRecorder } from '../http/route/agent.ts';
import { API_CALLS, API_TROUBLES, type ApiRecorder } from '../kubernetes/api-troubles.ts';
import {
  ENTRY_FAULTS,
  REGISTRY_FAILURES,
  REGISTRY_OPERATIONS,
  type RegistryRecorder,
} from '../registry/registry-recorder.ts';
import type { OrderOutcome } from '../session/needs.ts';
import type { OrderRecorder } from '../session/router.ts';
import { countFromZero, QUICK_BUCKETS_SECONDS } from './counter.ts';

export function countPeerCalls(register: Registry): OrderRecorder & Pick<AgentRouteRecorder, 'hopDialled'> {
  const orders = new Histogram({
    name: 'converge_dial_order_seconds',
    help: 'Asking the pod that holds an agent to dial it, by outcome.',
    labelNames: ['outcome'],
    buckets: QUICK_BUCKETS_SECONDS,
    registers: [register],
  });
  for (const outcome of ['sent', 'not_here', 'unreachable', 'failed'] satisfies OrderOutcome['kind'][])
    orders.zero({ outcome });
  const hops = new Histogram({
    name: 'converge_hop_dial_seconds',
    help: 'Opening a hop to the pod where a client waits, by outcome.',
    labelNames: ['outcome'],
    buckets: QUICK_BUCKETS_SECONDS,
    registers: [register],
  });
  for (const outcome of ['open', 'refused', 'unreachable'] satisfies StreamDialOutcome['kind'][])
    hops.zero({ outcome });
  return {
    orderSent: (outcome, seconds) => {
      orders.observe({ outcome }, seconds);
    },
    hopDialled: (outcome, seconds) => {
      hops.observe({ outcome }, seconds);
    },
  };
}

export function countRegistryCalls(register: Registry): RegistryRecorder {
  const calls = new Histogram({
    name: 'converge_registry_call_seconds',
    help: 'Calls to the registry that were answered, by operation.',
    labelNames: ['operation'],
    buckets: QUICK_BUCKETS_SECONDS,
    registers: [register],
  });
  for (const operation of REGISTRY_OPERATIONS) calls.zero({ operation });
  const failures = countFromZero(
    register,
    'converge_registry_call_failures_total',
    'Calls to the registry that were not answered, or with an error, by operation and failure.',
    { operation: REGISTRY_OPERATIONS, failure: REGISTRY_FAILURES },
  );
  const up = new Gauge({
    name: 'converge_registry_up',
    help: '1 while there is a connection to a Redis that takes writes, else 0; 1 without a Redis.',
    registers: [register],
  });
  up.set(1);
  const distrusted = countFromZero(
    register,
    'converge_registry_entries_distrusted_total',
    'Registry entries that no pod of this cluster wrote, by what is wrong with them.',
    { fault: ENTRY_FAULTS },
  );
  return {
    registryCalled: (operation, seconds, outcome) => {
      if (outcome === 'ok') calls.observe({ operation }, seconds);
      else failures.inc({ operation, failure: outcome });
    },
    registryConnected: (isConnected) => {
      up.set(isConnected ? 1 : 0);
    },
    registryEntryDistrusted: (fault) => {
      distrusted.inc({ fault });
    },
  };
}

export function countApiFailures(register: Registry): ApiRecorder {
  const failures = countFromZero(
    register,
    'converge_kubernetes_calls_failed_total',
    'Calls to the Kubernetes API that did not do their work, by call and trouble.',
    { call: API_CALLS, trouble: API_TROUBLES },
  );
  return {
    clusterCallFailed: (call, trouble) => {
      failures.inc({ call, trouble });
    },
  };
}

export function countPeerRejections(register: Registry): PeerRecorder {
  const rejections = countFromZero(
    register,
    'converge_peer_rejections_total',
    'Requests on the internal listener whose peer credential was no good, or whose dial order was none, by verdict.',
    { verdict: PEER_REJECTIONS },
  );
  return {
    peerRejected: (verdict) => {
      rejections.inc({ verdict });
    },
  };
}
