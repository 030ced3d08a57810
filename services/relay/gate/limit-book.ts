// The limits of rules by their names: those of the policy of now, and of rules that it has no more, whose agents are still here.
import type { PolicySource, RuleLimits } from '../policy/policy.ts';

/** So many rules are remembered; of those that are gone, the ones that went last. */
export const MAX_REMEMBERED_RULES = 1_000;

export class LimitBook {
  readonly #policy: Pick<PolicySource, 'current'>;
  #read: PolicySource['current'];
  /** Those of now come last. */
  readonly #limits = new Map<string, RuleLimits>();

  constructor(policy: Pick<PolicySource, 'current'>) {
    this.#policy = policy;
    this.#readAnew();
  }

  /**
   * What the agents of a rule may have; undefined if nobody here has ever heard of it. A rule that was taken out, or has
   * another name now, must not leave the agents that it let in without a limit.
   */
  of(rule: string): RuleLimits | undefined {
    if (this.#read !== this.#policy.current) this.#readAnew();
    return this.#limits.get(rule);
  }

  #readAnew(): void {
    this.#read = this.#policy.current;
    for (const { name, limits } of this.#read?.agents ?? []) {
      this.#limits.delete(name);
      this.#limits.set(name, limits);
    }
    for (const name of this.#limits.keys()) {
      if (this.#limits.size <= MAX_REMEMBERED_RULES) return;
      this.#limits.delete(name);
    }
  }
}
