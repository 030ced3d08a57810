// The accounts that may enter: their keys as they were last fetched, and when they are fetched again.
import type { Clock } from '#shared/time/clock.ts';
import type { AccountKeys } from './account-keys.ts';
import { type AuthorizedKey, findKey } from './authorized-keys.ts';
import { accountName, type KeyAccount } from './key-account.ts';

/** In milliseconds from one look for an unknown key to the next: anybody can come with one, and each look asks every account. */
export const LOOK_AGAIN_AFTER_MS = 30_000;

/** More than this is nobody's list. */
export const MAX_ACCOUNTS = 50;

export interface KeyAccountsOptions {
  readonly accounts: readonly KeyAccount[];
  readonly clock: Clock;
  /** Never rejects. */
  readonly fetchKeys: (account: KeyAccount) => Promise<AccountKeys>;
  /** Takes what a later look has found, one line each: new keys, and accounts that did not answer. */
  readonly tell: (line: string) => void;
}

/** The keys of one account; none if it has none yet, or did not answer. */
export interface KnownAccount {
  readonly name: string;
  readonly keys: readonly AuthorizedKey[];
  /** It did not answer when it was last asked, and nothing is known of it from before. */
  readonly isSilent?: boolean;
}

/** What came of the first look. */
export interface FirstLook {
  /** Accounts that are written wrongly or ask for something that is missing. */
  readonly faults: readonly string[];
  /** Accounts that did not answer; a later look may find them well. */
  readonly troubles: readonly string[];
  readonly notes: readonly string[];
}

export class KeyAccounts {
  readonly #options: KeyAccountsOptions;
  readonly #known = new Map<KeyAccount, KnownAccount>();
  #looking: Promise<void> | undefined;
  /** From when on the next look may be, on the Clock; undefined before the first one has ended. */
  #nextFrom: number | undefined;

  constructor(options: KeyAccountsOptions) {
    this.#options = options;
    for (const account of options.accounts)
      this.#known.set(account, { name: accountName(account), keys: [] });
  }

  /** In the order in which they were named. */
  get known(): readonly KnownAccount[] {
    return [...this.#known.values()];
  }

  find(blob: Buffer): AuthorizedKey | undefined {
    for (const { keys } of this.#known.values()) {
      const key = findKey(keys, blob);
      if (key !== undefined) return key;
    }
    return undefined;
  }

  /** How long it is until they may be asked again, in milliseconds; undefined if there is nobody to ask. */
  get waitMs(): number | undefined {
    const { accounts, clock } = this.#options;
    if (accounts.length === 0 || this.#nextFrom === undefined) return undefined;
    return Math.max(0, this.#nextFrom - clock.now());
  }

  /** Asks every account for the first time. */
  async look(): Promise<FirstLook> {
    const results = await this.#ask();
    this.#nextFrom = this.#options.clock.now();
    const failed = results.flatMap(([, result]) => (result.kind === 'failed' ? [result] : []));
    return {
      faults: failed.filter(({ isPassing }) => !isPassing).map(({ fault }) => fault),
      troubles: failed.filter(({ isPassing }) => isPassing).map(({ fault }) => fault),
      notes: results.flatMap(([, result]) => (result.kind === 'fetched' ? result.notes : [])),
    };
  }

  /**
   * Asks every account again, for somebody with a key that none of them had; whoever comes meanwhile waits for the same
   * answers. Undefined if there is nobody to ask, or it was done less than LOOK_AGAIN_AFTER_MS ago. Never rejects.
   */
  lookAgain(): Promise<void> | undefined {
    if (this.#looking !== undefined) return this.#looking;
    if (this.waitMs !== 0) return undefined;
    this.#looking = this.#lookLater().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookLater(): Promise<void> {
    const { clock, tell } = this.#options;
    const before = new Set(this.known.flatMap(({ keys }) => keys.map(({ fingerprint }) => fingerprint)));
    const results = await this.#ask();
    this.#nextFrom = clock.now() + LOOK_AGAIN_AFTER_MS;
    for (const [account, result] of results) {
      if (result.kind === 'failed') {
        tell(`${result.fault}; what was known of it stands`);
        continue;
      }
      const added = result.keys.map(({ fingerprint }) => fingerprint).filter((key) => !before.has(key));
      if (added.length > 0) tell(`${accountName(account)} may enter with more keys now: ${added.join(', ')}`);
    }
  }

  /** Keeps what was known of an account that does not answer. */
  async #ask(): Promise<(readonly [KeyAccount, AccountKeys])[]> {
    const { accounts, fetchKeys } = this.#options;
    const results = await Promise.all(
      accounts.map(async (account) => [account, await fetchKeys(account)] as const),
    );
    for (const [account, result] of results) {
      const name = accountName(account);
      if (result.kind === 'fetched') this.#known.set(account, { name, keys: result.keys });
      else if (this.#known.get(account)?.keys.length === 0)
        this.#known.set(account, { name, keys: [], isSilent: true });
    }
    return results;
  }
}
