// One relay's view of a stand-in cluster: its clock, and what it logged and counted.
import { vi } from 'vitest';
import type { Cancel } from '#shared/time/clock.ts';
import type { Cluster } from '../../../services/relay/kubernetes/cluster.ts';
import type { KubeAccess } from '../../../services/relay/kubernetes/kube-api-server.ts';
import { createKubeCluster } from '../../../services/relay/kubernetes/kube-cluster.ts';
import { ManualClock } from '../time/manual-clock.ts';
import { NAMESPACE, SERVICE } from './kube-api.ts';

/** A clock that stands still, and remembers for how long it was last asked to wait. */
class ObservedClock extends ManualClock {
  readonly waits: number[] = [];

  override after(ms: number, callback: () => void): Cancel {
    this.waits.push(ms);
    return super.after(ms, callback);
  }
}

/** The first use loads the Kubernetes client, file by file: on a busy machine that takes seconds. */
const EVENTUALLY_MS = 20_000;

/** Polls until `check` no longer throws. */
export function eventually(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: EVENTUALLY_MS });
}

export interface KubeWorldOptions {
  readonly writesDeletionCost?: boolean;
}

export class KubeWorld {
  readonly clock = new ObservedClock();
  readonly warnings: string[] = [];
  readonly infos: string[] = [];
  /** `CALL TROUBLE`, one for each. */
  readonly troubles: string[] = [];
  readonly cluster: Cluster;
  #stop: Cancel = () => undefined;

  constructor(access: KubeAccess, { writesDeletionCost = false }: KubeWorldOptions = {}) {
    this.cluster = createKubeCluster({
      access,
      namespace: NAMESPACE,
      service: SERVICE,
      portName: 'internal',
      self: { name: 'relay-a', address: '10.0.0.1:9090' },
      writesDeletionCost,
      clock: this.clock,
      log: {
        info: (_fields, message) => this.infos.push(message),
        warn: (_fields, message) => this.warnings.push(message),
      },
      recorder: { clusterCallFailed: (call, trouble) => this.troubles.push(`${call} ${trouble}`) },
      // The longest of all possible waits.
      random: () => 0.999,
    });
  }

  start(): Cancel {
    this.#stop = this.cluster.start();
    return this.#stop;
  }

  stop(): void {
    this.#stop();
  }
}
