// Held bytes: what the streams of one client address have in this relay's memory because nobody has read it yet.
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { HeldAccount, Holder } from '../session/ports.ts';

interface Account {
  readonly holder: Holder;
  /** What it held when it was last looked at, and all that was written since: never too little. */
  most: number;
  /** When it was last seen to hold less than it might, in milliseconds on the Clock. */
  movedAt: number;
}

interface Group {
  readonly accounts: Set<Account>;
  /** The sum of what they hold at most. */
  most: number;
  /** The sum at which they are looked at next. */
  lookAt: number;
}

export interface HeldBytesOptions {
  readonly clock: Clock;
  /** Of one address, in bytes. */
  readonly limitBytes: number;
  /** A session was cut for it. */
  readonly onCut: () => void;
}

/** Between two looks at an address so much of its limit must have been written: a look asks every session of it. */
const SHARE_BETWEEN_LOOKS = 1 / 16;

/** Every address is looked at so often as well, in milliseconds: what a paused socket still reads, nobody tells. */
export const HELD_BYTES_LOOK_EVERY_MS = 1_000;

/**
 * Keeps each address below its limit, and a sixteenth: past it the session that has stood still for longest goes first.
 * Written bytes are only added up; what was read meanwhile is found when the sum could be over the limit. What else is held
 * (up to 128 KiB for each paused socket) counts at the next look.
 */
export class HeldBytes {
  readonly #options: HeldBytesOptions;
  readonly #groups = new Map<string, Group>();
  /** Pending while there is a session. */
  #cancelLook: Cancel | undefined;

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
        if (group.most > group.lookAt) this.#look(key, group);
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

  readonly #lookAtAll = (): void => {
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
        account.holder.cut();
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
