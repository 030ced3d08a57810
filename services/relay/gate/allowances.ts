// Allowances: what the sessions of one agent may have by the rule that let it in: so many at once, so fast, so much, so long.
// Counted on the pod where the client is; places and sums are counted together with the other pods.
import { randomUUID } from 'node:crypto';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import type { Meter } from '#shared/stream/rated-stream.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { TokenBucket } from '#shared/time/token-bucket.ts';
import type { PolicySource, RuleLimits } from '../policy/policy.ts';
import { undefinedIfRegistryIsAway } from '../registry/registry-unavailable.ts';
import type { Tally, TallyPlace } from '../registry/tally.ts';
import type { HeldAccount, Holder, Standing } from '../session/needs.ts';
import { lifetimeOver } from './lifetime-over.ts';
import { LimitBook } from './limit-book.ts';

/**
 * How often the bytes of an agent are added to the sum of all pods, in milliseconds: so much later may a limit be noticed on
 * another pod.
 */
export const ADD_EVERY_MS = 1_000;

export type AllowanceVerdict =
  /** Undefined: the rule limits nothing of a session. */
  | { readonly kind: 'granted'; readonly allowance: SessionAllowance | undefined }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string };

/** What one session has been granted. */
export interface SessionAllowance {
  /** Of both directions; undefined: as fast as it goes. */
  readonly meter: Meter | undefined;
  /** Begins to count what the session moves, and to end it in time. */
  watch(holder: Holder): HeldAccount;
  /** The session did not come about. May be called twice, and after the end of one that did. */
  release(): void;
}

export interface AllowancesOptions {
  readonly policy: PolicySource;
  readonly tally: Tally;
  readonly clock: Clock;
}

/** An agent, from when it was first let in. */
interface Account {
  readonly rule: string;
  /** The name of its sum; undefined if nobody counts its bytes. */
  sum: string | undefined;
  bucket: TokenBucket | undefined;
  readonly holders: Set<Holder>;
  /** Sessions that are granted. */
  grants: number;
  /** Bytes that the sum does not have yet. */
  unadded: number;
}

const SPENT: StreamEnd = {
  reason: 'over_budget',
  detail: 'the agent has moved all the bytes that its rule allows',
};
const OVERDUE: StreamEnd = {
  reason: 'expired',
  detail: 'the agent has had all the time that its rule allows',
};

export class Allowances {
  readonly #options: AllowancesOptions;
  readonly #limits: LimitBook;
  /** Those with a session here. */
  readonly #accounts = new Map<string, Account>();
  readonly #places = new Set<TallyPlace>();
  #cancelAdding: Cancel | undefined;

  constructor(options: AllowancesOptions) {
    this.#options = options;
    this.#limits = new LimitBook(options.policy);
  }

  /** The places that sessions of this pod hold, to be extended. */
  get places(): Iterable<TallyPlace> {
    return this.#places;
  }

  /** Whether agent `id` may have one more session. Never rejects: without a registry only this pod counts. */
  async grant(id: string, standing: Standing | undefined): Promise<AllowanceVerdict> {
    const limits = standing && this.#limits.of(standing.rule);
    if (standing === undefined || limits === undefined || limitsNothing(limits))
      return { kind: 'granted', allowance: undefined };
    const { rule, since } = standing;
    const endsAt = limits.lifetimeMs === undefined ? undefined : since + limits.lifetimeMs;
    if (endsAt !== undefined && endsAt <= this.#options.clock.wallTime())
      return lifetimeOver(rule, limits.lifetimeMs ?? 0);
    const name = `${rule}/${id}/${since}`;
    const place = { group: `sessions/${name}`, member: randomUUID() };
    if (limits.sessions !== undefined && !(await this.#take(place, limits.sessions)))
      return refusedFull(rule, limits.sessions);
    if (limits.totalBytes !== undefined && (await this.#sumOf(name)) >= limits.totalBytes) {
      this.#leave(place);
      return refusedSpent(rule);
    }
    const account = this.#accountOf(name, rule, limits);
    return { kind: 'granted', allowance: this.#open(name, account, place, endsAt) };
  }

  /** Nothing is added any more. May be called twice. */
  stop(): void {
    this.#cancelAdding?.();
    this.#cancelAdding = undefined;
    this.#accounts.clear();
  }

  #open(name: string, account: Account, place: TallyPlace, endsAt: number | undefined): SessionAllowance {
    const { clock } = this.#options;
    const { bucket, holders } = account;
    account.grants += 1;
    let isOpen = true;
    const release = (): void => {
      if (!isOpen) return;
      isOpen = false;
      this.#leave(place);
      account.grants -= 1;
      this.#forgetIfDone(name, account);
    };
    return {
      meter: bucket && { spend: (bytes) => bucket.spend(clock.now(), bytes) },
      watch: (holder) => {
        holders.add(holder);
        const cancel =
          endsAt === undefined
            ? undefined
            : clock.after(endsAt - clock.wallTime(), () => {
                holder.cut(OVERDUE);
              });
        return {
          wrote: (bytes) => {
            if (account.sum === undefined) return;
            account.unadded += bytes;
            this.#cancelAdding ??= clock.after(ADD_EVERY_MS, this.#addAll);
          },
          close() {
            holders.delete(holder);
            cancel?.();
            release();
          },
        };
      },
      release,
    };
  }

  #accountOf(name: string, rule: string, { bytesPerSecond, totalBytes }: RuleLimits): Account {
    const known = this.#accounts.get(name);
    const account: Account = known ?? {
      rule,
      sum: undefined,
      bucket: undefined,
      holders: new Set(),
      grants: 0,
      unadded: 0,
    };
    // What the policy limits by now counts for the sessions that begin now, also beside older ones.
    account.sum = totalBytes === undefined ? undefined : name;
    if (account.bucket?.perSecond !== bytesPerSecond) account.bucket = this.#bucketOf(bytesPerSecond);
    this.#accounts.set(name, account);
    return account;
  }

  #bucketOf(perSecond: number | undefined): TokenBucket | undefined {
    return perSecond === undefined
      ? undefined
      : new TokenBucket({ burst: perSecond, perSecond }, this.#options.clock.now());
  }

  async #take(place: TallyPlace, limit: number): Promise<boolean> {
    const isFree = await this.#options.tally.take(place, limit).catch(undefinedIfRegistryIsAway);
    if (isFree === false) return false;
    this.#places.add(place);
    return true;
  }

  #leave(place: TallyPlace): void {
    if (!this.#places.delete(place)) return;
    // If that fails it is free PLACE_LIFE_MS later.
    this.#options.tally.leave(place).catch(() => undefined);
  }

  async #sumOf(sum: string): Promise<number> {
    const sums = await this.#options.tally.add([{ sum, amount: 0 }]).catch(undefinedIfRegistryIsAway);
    return (sums?.[0] ?? 0) + (this.#accounts.get(sum)?.unadded ?? 0);
  }

  #forgetIfDone(name: string, { grants, unadded }: Account): void {
    if (grants === 0 && unadded === 0) this.#accounts.delete(name);
  }

  readonly #addAll = (): void => {
    void this.#add().finally(() => {
      const isDue = this.#cancelAdding !== undefined && this.#accounts.size > 0;
      this.#cancelAdding = isDue ? this.#options.clock.after(ADD_EVERY_MS, this.#addAll) : undefined;
    });
  };

  /** Also where an agent has moved nothing here: another pod may have moved the rest. What fails is added next time. */
  async #add(): Promise<void> {
    const due = [...this.#accounts].flatMap(([name, account]) => {
      const { sum, unadded: amount } = account;
      return sum === undefined ? [] : [{ name, account, sum, amount }];
    });
    for (const { account, amount } of due) account.unadded -= amount;
    const sums = await this.#options.tally.add(due).catch(undefinedIfRegistryIsAway);
    for (const [index, { name, account, amount }] of due.entries()) {
      const limit = this.#limits.of(account.rule)?.totalBytes;
      if (sums === undefined) account.unadded += amount;
      else if (limit !== undefined && (sums[index] ?? 0) >= limit)
        for (const holder of account.holders) holder.cut(SPENT);
      this.#forgetIfDone(name, account);
    }
  }
}

function limitsNothing({ lifetimeMs, sessions, bytesPerSecond, totalBytes }: RuleLimits): boolean {
  return [lifetimeMs, sessions, bytesPerSecond, totalBytes].every((limit) => limit === undefined);
}

function refusedFull(rule: string, sessions: number): AllowanceVerdict {
  const message = `the rule ${rule} lets an agent have ${sessions} sessions at once: end one, or try again when one has ended`;
  return { kind: 'refused', code: 'rule_full', message };
}

function refusedSpent(rule: string): AllowanceVerdict {
  const message = `this agent has moved all the bytes that the rule ${rule} allows`;
  return { kind: 'refused', code: 'allowance_spent', message };
}
