// Those who claim one ID on pods that share a registry in memory: the job, and strangers with and without a grant.
import type { Clock } from '#shared/time/clock.ts';
import type { ClusterKey } from '../../../services/relay/hop/cluster-key.ts';
import { grantsOf } from '../../../services/relay/hop/grant.ts';
import { MemoryRegistry, type MemoryStore } from '../../../services/relay/registry/memory-registry.ts';
import { type Agent, AgentTable } from '../../../services/relay/session/agent-table.ts';
import { LeaseKeeper } from '../../../services/relay/session/lease-keeper.ts';
import { createLog, FakeLink, FakeRecorder } from './session-core.ts';

/** The ID that all of them want. */
export const ID = 'job';

/** What the pods of one relay share. */
export interface PodWorld {
  readonly clock: Clock;
  readonly key: ClusterKey;
  readonly store: MemoryStore;
}

/** An agent, or who plays one: a claim, the newest grant, and a link on a pod or none. */
export class Claimant {
  readonly claimHash: string;
  grant: string | undefined;
  link: FakeLink | undefined;
  agent: Agent | undefined;
  pod: ClaimPod | undefined;

  constructor(claimHash: string) {
    this.claimHash = claimHash;
  }

  get isLinked(): boolean {
    return this.link !== undefined && this.link.closes.length === 0;
  }

  /** Dials a pod; true if it gets the ID. A link that it has elsewhere is closed afterwards. */
  async dial(pod: ClaimPod): Promise<boolean> {
    const claimed = await pod.table.claim(ID, this.claimHash, this.grant);
    if (claimed.kind === 'taken') return false;
    const older = { pod: this.pod, agent: this.agent };
    this.link = new FakeLink();
    this.pod = pod;
    const { claimHash, link } = this;
    this.agent = pod.table.attach({ id: ID, claimHash, address: '192.0.2.1', link, ...claimed });
    this.grant = pod.table.grantFor(this.agent);
    if (older.agent !== undefined && older.pod !== pod) older.pod?.table.detach(older.agent, 'ended');
    return true;
  }

  hangUp(reason: 'ended' | 'lost'): void {
    if (this.agent !== undefined) this.pod?.table.detach(this.agent, reason);
    this.link = undefined;
    this.agent = undefined;
  }

  /** What its relay sends every half minute. */
  hearGrant(): void {
    if (this.isLinked && this.agent !== undefined) this.grant = this.pod?.table.grantFor(this.agent);
  }
}

/** A pod without a network; it renews only once its leases are started. */
export class ClaimPod {
  readonly table: AgentTable;
  readonly leases: LeaseKeeper;

  constructor(name: string, world: PodWorld) {
    const owner = { pod: name, address: `${name}:9090` };
    const { clock, key, store } = world;
    const registry = new MemoryRegistry(clock, store);
    const { log } = createLog();
    this.table = new AgentTable({
      registry,
      owner,
      grants: grantsOf(key),
      clock,
      log,
      recorder: new FakeRecorder(),
    });
    this.leases = new LeaseKeeper({ agents: this.table, registry, owner, clock, log });
  }
}
