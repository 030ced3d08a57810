// The cluster as Kubernetes knows it: the pods behind our Service, and what ours is worth to scale-in.
import { isIPv6 } from 'node:net';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { ApiServer } from './api-server.ts';
import { type ApiLog, type ApiRecorder, ApiTroubles, describeError } from './api-troubles.ts';
import type { Cluster, Peer } from './cluster.ts';
import { DeletionCost } from './deletion-cost.ts';
import { watchEndpoints } from './endpoint-watch.ts';
import type { KubeAccess } from './kube-api-server.ts';
import { PeerView } from './peer-view.ts';

/** A pod is among its Service's endpoints within seconds of its start, ready or not; in milliseconds. */
export const EXPECT_SELF_WITHIN_MS = 60_000;

export interface KubeClusterOptions {
  readonly access: KubeAccess;
  readonly namespace: string;
  /** The Service whose endpoints are the relay pods; it has a port of the name `portName`. */
  readonly service: string;
  readonly portName: string;
  /** Our own pod's name, and our internal listener as the others reach it, by IP address. */
  readonly self: Peer;
  /** False where the Role does not let us patch pods, by intent. */
  readonly writesDeletionCost: boolean;
  readonly clock: Clock;
  readonly log: ApiLog;
  readonly recorder: ApiRecorder;
  /** In [0, 1); `Math.random` by default. */
  readonly random?: () => number;
}

/** Nothing is opened before `start`, and the Kubernetes client is not even loaded: it takes 0.13 s and 17 MB. */
export function createKubeCluster(options: KubeClusterOptions): Cluster {
  const { access, clock, log, namespace, recorder, self, service } = options;
  const view = new PeerView(clock, self.address);
  const cost = new DeletionCost({
    namespace,
    pod: self.name,
    troubles: new ApiTroubles('patch', log, recorder),
    clock,
  });

  /** `stops` takes what is to end with the cluster. */
  async function run(over: AbortSignal, stops: Cancel[]): Promise<void> {
    const { connectApiServer } = await import('./kube-api-server.ts');
    if (over.aborted) return;
    const api: ApiServer = connectApiServer(access);
    if (options.writesDeletionCost) stops.push(cost.start(api));
    await watchEndpoints(
      {
        api,
        namespace,
        service,
        filter: { portName: options.portName, family: familyOf(self.address) },
        view,
        troubles: new ApiTroubles('watch', log, recorder),
        clock,
        random: options.random ?? Math.random,
      },
      over,
    );
  }

  /**
   * A wrong KUBERNETES_SERVICE_NAME, or a POD_ADDRESS with the wrong port, would go unnoticed: nothing else depends on
   * them.
   */
  function expectSelf(): Cancel {
    return clock.after(EXPECT_SELF_WITHIN_MS, () => {
      if (view.isOurs || !view.isListed) return;
      log.warn(
        { service, namespace, address: self.address, endpoints: view.peers().length },
        'the endpoints of our service do not name this pod, so vanished pods are noticed by time-out only',
      );
    });
  }

  return {
    start() {
      const over = new AbortController();
      const stops: Cancel[] = [
        expectSelf(),
        () => {
          view.stop();
        },
      ];
      run(over.signal, stops).catch((error: unknown) => {
        log.warn({ detail: describeError(error) }, 'the kubernetes client cannot be loaded');
      });
      return () => {
        over.abort();
        for (const stop of stops.splice(0)) stop();
      };
    },
    isAlive: (address) => view.isAlive(address),
    peers: () => view.peers(),
    reportLoad(load) {
      cost.report(load);
    },
  };
}

function familyOf(address: string): 'IPv4' | 'IPv6' {
  const host = address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
  return isIPv6(host) ? 'IPv6' : 'IPv4';
}
