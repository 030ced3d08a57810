// Held bytes: what the streams of one client address have in this relay's memory because nobody has read it yet.
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { HeldAccount, Holder } from '../session/needs.ts';

interface Account {
  readonly holder: Holder;
  /** What it held at the last look, plus all that was written since: it never holds more than this. */
  most: number;
  /** The last look at which it held less than `most`, since its peer had read something; in milliseconds on the Clock. */
  movedAt: number;
}

interface Group {
  readonly accounts: Set<Account>;
  /** The sum of `most` over its accounts. */
  most: number;
  /** The sum at which the next look is due. */
  lookAt: number;
}

export interface HeldBytesOptions {
  readonly clock: Clock;
  /** What one address may hold, in bytes. */
  readonly limitBytes: number;
  /** A session was cut because of the limit. */
  readonly onCut: () => void;
  /** Calls `wrote` for all that was written and not told of yet: by it a look knows who stands still. */
  readonly count?: (() => void) | undefined;
}

/**
 * The share of its limit that must be written for an address before it is looked at again: a look asks every session of
 * it.
 */
const SHARE_BETWEEN_LOOKS = 1 / 16;

/**
 * How often every address is looked at anyway, in milliseconds: a paused socket reads a little more, and reports nothing of it.
 */
export const HELD_BYTES_LOOK_EVERY_MS = 1_000;

/**
 * Keeps each address below its limit plus a sixteenth of it. Past that, the session that has stood still for longest is
 * cut first. Between two looks, what is written is only added up. A look finds out how much of it was read since, and
 * counts what is held beside it (up to 128 KiB for each paused socket).
 */
export class HeldBytes {
  readonly #options: HeldBytesOptions;
  readonly #groups = new Map<string, Group>();
  /** Pending while there is a session. */
  #cancelLook: Cancel | undefined;
  #isCounting = false;

  constructor(options: HeldBytesOptions) {
    this.#options = options;
  }

  /** Addresses with a session. */
  get size(): number {
    return this.#groups.size;
  }

  open(key: string, holder: Holder): HeldAccount {
    const { clock, limitBytes } = this.#options;
    const group = this.#groups.get(key) ?? { accounts: new Set(), most: 0, lookAt: limitBytes };
    this.#groups.set(key, group);
    const account: Account = { holder, most: 0, movedAt: clock.now() };
    group.accounts.add(account);
    this.#cancelLook ??= clock.after(HELD_BYTES_LOOK_EVERY_MS, this.#lookAtAll);
    return {
      wrote: (bytes) => {
        if (!group.accounts.has(account)) return;
        account.most += bytes;
        group.most += bytes;
        if (group.most <= group.lookAt || this.#isCounting) return;
        this.#count();
        this.#look(key, group);
      },
      close: () => {
        this.#remove(key, group, account);
      },
    };
  }

  /** What the fullest address holds now, in bytes. */
  fullest(): number {
    let fullest = 0;
    for (const { accounts } of this.#groups.values()) {
      let sum = 0;
      for (const { holder } of accounts) sum += holder.held();
      fullest = Math.max(fullest, sum);
    }
    return fullest;
  }

  /** Looks at nobody any more. May be called twice. */
  stop(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    this.#groups.clear();
  }

  /** Before any look: otherwise who was not counted yet would seem to stand still. */
  #count(): void {
    this.#isCounting = true;
    this.#options.count?.();
    this.#isCounting = false;
  }

  readonly #lookAtAll = (): void => {
    this.#count();
    for (const [key, group] of this.#groups) this.#look(key, group);
    this.#cancelLook =
      this.#groups.size === 0
        ? undefined
        : this.#options.clock.after(HELD_BYTES_LOOK_EVERY_MS, this.#lookAtAll);
  };

  #look(key: string, group: Group): void {
    const { clock, limitBytes, onCut } = this.#options;
    const now = clock.now();
    group.most = 0;
    for (const account of group.accounts) {
      const held = account.holder.held();
      if (held < account.most) account.movedAt = now;
      account.most = held;
      group.most += held;
    }
    if (group.most > limitBytes) {
      const stillest = [...group.accounts]
        .filter(({ most }) => most > 0)
        .sort((one, other) => one.movedAt - other.movedAt || other.most - one.most);
      for (const account of stillest) {
        if (group.most <= limitBytes) break;
        this.#remove(key, group, account);
        onCut();
        account.holder.cut({
          reason: 'stuck',
          detail: 'the sessions of its address hold more than they may',
        });
      }
    }
    group.lookAt = Math.max(limitBytes, group.most + limitBytes * SHARE_BETWEEN_LOOKS);
  }

  #remove(key: string, group: Group, account: Account): void {
    if (!group.accounts.delete(account)) return;
    group.most -= account.most;
    if (group.accounts.size === 0) this.#groups.delete(key);
  }
}
