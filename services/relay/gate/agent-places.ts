// Places: how many agents are linked by a rule, on all pods, and the places that this pod holds.
import { undefinedIfRegistryIsAway } from '../registry/registry-unavailable.ts';
import type { Tally, TallyPlace } from '../registry/tally.ts';

export class AgentPlaces {
  readonly #tally: Tally;
  /** By claim, of the agents that are linked here or about to be. */
  readonly #held = new Map<string, TallyPlace>();

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  /** Those that this pod holds, to be extended. */
  get held(): Iterable<TallyPlace> {
    return this.#held.values();
  }

  /** A place under `rule` for the agent of this claim. Never rejects: without a registry there is room. */
  async take(rule: string, claimHash: string, limit: number | undefined): Promise<boolean> {
    const place = { group: `agents/${rule}`, member: claimHash };
    const isFree = await this.#tally.take(place, limit).catch(undefinedIfRegistryIsAway);
    if (isFree === false) return false;
    this.#held.set(claimHash, place);
    return true;
  }

  /** The agent has no link here any more: another pod may have it, so its place is only not extended from here. */
  forget(claimHash: string): void {
    this.#held.delete(claimHash);
  }

  /** The agent is done, or never came to be linked. */
  leave(claimHash: string): void {
    const place = this.#held.get(claimHash);
    if (place === undefined) return;
    this.#held.delete(claimHash);
    // If that fails it is free PLACE_LIFE_MS later.
    this.#tally.leave(place).catch(() => undefined);
  }
}
