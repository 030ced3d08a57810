// The owner check: after a claim was refused, whether the pod that holds the ID is there at all.
//
// An entry outlives its last renewal by RESERVATION_MS, for a pod that stalls. One that is gone must not keep a job that
// is run again from its ID for that long, and says nothing of itself, so somebody has to look.
import type { Clock } from '#shared/time/clock.ts';
import type { AgentRegistry, Owner, RegistryEntry } from '../registry/registry.ts';
import type { AgentTable } from './agent-table.ts';
import type { PeerPods, PodWatch } from './ports.ts';

/** One look at each pod in so many milliseconds, however many claims are refused. */
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
  /** The look that is under way or was a moment ago, by address. */
  readonly #looks = new Map<string, Promise<boolean>>();

  constructor(options: OwnerCheckOptions) {
    this.#options = options;
  }

  /** The ID of a pod that is gone is from now on kept for its claim for one lease. Never rejects. */
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
