// The leases of the agents on this pod: renewed while they are linked, and registered again if the registry forgot them.
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { type AgentRegistry, type HeldId, type Owner, RENEW_EVERY_MS } from '../registry/registry.ts';
import { isSettled } from '../registry/tenure.ts';
import type { Agent, AgentTable } from './agent-table.ts';
import type { Log } from './needs.ts';

export interface LeaseKeeperOptions {
  readonly agents: AgentTable;
  readonly registry: AgentRegistry;
  readonly owner: Owner;
  readonly clock: Clock;
  readonly log: Log;
}

/** How many agents are registered again at a time: the registry answers each within milliseconds. */
const RESTORE_BATCH = 500;

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** Starts renewing leases; the result stops it and may be called twice. */
  start(): Cancel {
    const over = new AbortController();
    let cancel: Cancel = () => {};
    const renewLater = (): void => {
      cancel = this.#options.clock.after(RENEW_EVERY_MS, () => {
        void this.#renew().finally(() => {
          if (!over.signal.aborted) renewLater();
        });
      });
    };
    renewLater();
    return () => {
      over.abort();
      cancel();
    };
  }

  /**
   * The registry has a newer claim of the ID than this link's. Either the agent has another link, or the registry had
   * forgotten the agent and somebody else got the ID. The registry's answer to a restore decides which. Never rejects.
   */
  async reassert(agent: Agent): Promise<void> {
    try {
      await this.#restoreOne(agent);
    } catch {
      // The registry went away: its return restores everybody.
    }
  }

  /**
   * Registers every agent of this pod again, after the registry was away and may have forgotten them. If somebody else
   * got an ID meanwhile, the agent that had it first gets it back.
   */
  async restore(): Promise<void> {
    await this.#restoreAll([...this.#options.agents]);
  }

  async #restoreAll(agents: readonly Agent[]): Promise<void> {
    if (agents.length === 0 || !(await this.#register(agents))) return;
    this.#options.log.info({ agents: agents.length }, 'agents restored in the registry');
  }

  /** False if the registry went away again, which is logged. */
  async #register(agents: readonly Agent[]): Promise<boolean> {
    const { log } = this.#options;
    for (let at = 0; at < agents.length; at += RESTORE_BATCH) {
      const batch = agents.slice(at, at + RESTORE_BATCH);
      const results = await Promise.allSettled(batch.map((agent) => this.#restoreOne(agent)));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed !== undefined) {
        // It went away again: the next return restores them all.
        log.warn({ err: failed.reason as unknown, agents: agents.length }, 'agents not restored');
        return false;
      }
    }
    return true;
  }

  async #restoreOne(agent: Agent): Promise<void> {
    const { agents, owner, registry } = this.#options;
    const { id, claimHash, epoch, tenure } = agent;
    const outcome = await registry.restore(id, claimHash, owner, epoch, tenure);
    if (agents.get(agent.id) !== agent) {
      // It left meanwhile; what it gave up then was the epoch before this one.
      if (outcome.kind === 'claimed') agents.forsake({ id, epoch: outcome.epoch });
      return;
    }
    if (outcome.kind === 'taken') return agents.supersede(agent);
    const hasWon = outcome.tenure.wonAt !== tenure.wonAt;
    agent.epoch = outcome.epoch;
    agent.tenure = outcome.tenure;
    if (hasWon) agents.sendGrant(agent);
  }

  async #renew(): Promise<void> {
    const { agents, log, registry } = this.#options;
    const ids: HeldId[] = [];
    for (const { id, epoch } of agents) ids.push({ id, epoch });
    try {
      const lost = new Set(await registry.renew(ids));
      // A claim made right after the registry lost its memory is settled later: the answer to a restore says when.
      const unsure = [...agents].filter(({ id, tenure }) => !lost.has(id) && !isSettled(tenure));
      // A newer link may have come while the registry answered.
      const forgotten = ids.flatMap(({ id, epoch }) => {
        const agent = agents.get(id);
        return lost.has(id) && agent?.epoch === epoch ? [agent] : [];
      });
      // Either the registry was emptied, or the ID has moved on; the answer to a restore says which.
      await this.#restoreAll(forgotten);
      await this.#register(unsure);
    } catch (error) {
      log.warn({ err: error, leases: ids.length }, 'leases not renewed');
    }
  }
}
