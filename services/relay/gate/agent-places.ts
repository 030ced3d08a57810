// Places: how many agents are linked by a rule, on all pods, and the places that this pod holds.
import { undefinedIfRegistryIsAway } from '../registry/registry-unavailable.ts';
import type { Tally, TallyPlace } from '../registry/tally.ts';
import type { Grantee } from '../session/needs.ts';

export class AgentPlaces {
  readonly #tally: Tally;
  /** By ID and claim, of the agents that are linked here or about to be: one secret may claim many IDs. */
  readonly #held = new Map<string, TallyPlace>();

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  /** Those that this pod holds, to be extended. */
  get held(): Iterable<TallyPlace> {
    return this.#held.values();
  }

  /** A place under `rule` for this agent. Never rejects: without a registry there is room. */
  async take(rule: string, agent: Grantee, limit: number): Promise<boolean> {
    const member = memberOf(agent);
    const place = { group: `agents/${rule}`, member };
    const isFree = await this.#tally.take(place, limit).catch(undefinedIfRegistryIsAway);
    if (isFree === false) return false;
    this.#held.set(member, place);
    return true;
  }

  /** The agent is linked. Another dial of it, that came to nothing, may have given back the place of both. */
  keep(rule: string, agent: Grantee): void {
    const member = memberOf(agent);
    if (this.#held.has(member)) return;
    const place = { group: `agents/${rule}`, member };
    this.#held.set(member, place);
    // If that fails it is extended with the others.
    this.#tally.extend([place]).catch(() => undefined);
  }

  /** The agent has no link here any more: another pod may have it, so its place is only not extended from here. */
  forget(agent: Grantee): void {
    this.#held.delete(memberOf(agent));
  }

  /** The agent is done, or never came to be linked. */
  leave(agent: Grantee): void {
    const member = memberOf(agent);
    const place = this.#held.get(member);
    if (place === undefined) return;
    this.#held.delete(member);
    // If that fails it is free PLACE_LIFE_MS later.
    this.#tally.leave(place).catch(() => undefined);
  }
}

/** An ID has no slash. */
function memberOf({ id, claimHash }: Grantee): string {
  return `${id}/${claimHash}`;
}
