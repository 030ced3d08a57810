// The owner check: where a claim was refused because another pod holds the ID, it asks whether that pod is still there.
//
// An entry outlives its last renewal by RESERVATION_MS, for the sake of a pod that stalls. A pod that is gone must not keep
// the ID of a job that is run again for that long. It cannot say that it is gone, so somebody has to look.
import type { Clock } from '#shared/time/clock.ts';
import type { AgentRegistry, Owner, RegistryEntry } from '../registry/registry.ts';
import type { AgentTable } from './agent-table.ts';
import type { PeerPods, PodWatch } from './needs.ts';

/** How often a pod is looked at, at most, however many claims are refused; in milliseconds. */
export const OWNER_LOOK_EVERY_MS = 1_000;

export interface OwnerCheckOptions {
  readonly registry: Pick<AgentRegistry, 'lookup'>;
  readonly agents: Pick<AgentTable, 'get' | 'forsake'>;
  readonly peers: Pick<PeerPods, 'isListening'>;
  readonly cluster: PodWatch;
  readonly self: Owner;
  readonly clock: Clock;
}

export class OwnerCheck {
  readonly #options: OwnerCheckOptions;
  /** The looks of the last OWNER_LOOK_EVERY_MS, by address. */
  readonly #looks = new Map<string, Promise<boolean>>();

  constructor(options: OwnerCheckOptions) {
    this.#options = options;
  }

  /** If the pod that holds `id` is gone, the ID is kept for its claim for one lease from now. Never rejects. */
  async check(id: string): Promise<void> {
    const { agents, registry } = this.#options;
    const entry = await registry.lookup(id).catch(() => undefined);
    if (entry !== undefined && !(await this.#isThere(id, entry))) agents.forsake({ id, epoch: entry.epoch });
  }

  async #isThere(id: string, { address }: RegistryEntry): Promise<boolean> {
    const { agents, cluster, self } = this.#options;
    if (address === self.address) return agents.get(id) !== undefined;
    const isAlive = cluster.isAlive(address);
    if (isAlive !== undefined) return isAlive;
    const look = this.#looks.get(address) ?? this.#look(address);
    return look;
  }

  #look(address: string): Promise<boolean> {
    const { clock, peers } = this.#options;
    const look = peers.isListening(address).then((isListening) => isListening !== false);
    this.#looks.set(address, look);
    clock.after(OWNER_LOOK_EVERY_MS, () => this.#looks.delete(address));
    return look;
  }
}
