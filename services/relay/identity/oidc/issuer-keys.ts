// The keys of one issuer: fetched when a token needs them, kept while they are good, and asked for again only so often.
import type { Clock } from '#shared/time/clock.ts';
import type { FetchFault, IssuerGet } from './issuer-get.ts';
import { fetchKeys } from './key-fetch.ts';
import type { KeySet } from './key-set.ts';
import type { SignatureKey } from './signature-key.ts';
import type { TokenAlgorithm } from './token-algorithms.ts';

/** How long both requests of a fetch may take together, in milliseconds: somebody waits for it. */
export const FETCH_KEYS_WITHIN_MS = 5_000;

/**
 * How long no keys are fetched after a fetch, in milliseconds, while there are some: a token that names an unknown key asks
 * for it, and anybody can make up such tokens.
 */
export const FETCH_KEYS_EVERY_MS = 60_000;

/** The same while there are none, in milliseconds: every token waits for these. */
export const RETRY_KEYS_EVERY_MS = 10_000;

/** How long keys count after they were fresh, in milliseconds: so long may an issuer be out of reach. */
export const KEYS_STALE_MS = 24 * 3_600_000;

/** Tokens of one issuer that wait for its keys at once; more are told to come back. */
export const MAX_TOKENS_WAITING = 1_000;

export type KeyAnswer =
  | { readonly kind: 'found'; readonly key: SignatureKey }
  /** The issuer has no such key, as far as it was asked. */
  | { readonly kind: 'unknown'; readonly retryMs: number }
  /** Nobody knows: it could not be asked. */
  | { readonly kind: 'unavailable'; readonly retryMs: number };

/** Hears how fetches ended. */
export interface KeyFetchRecorder {
  keysFetched(outcome: 'fetched' | FetchFault): void;
}

export interface IssuerKeysOptions {
  readonly get: IssuerGet;
  readonly clock: Clock;
  readonly recorder: KeyFetchRecorder;
  readonly log: IssuerLog;
}

/** What is used of the relay's log. */
export interface IssuerLog {
  warn(fields: Record<string, unknown>, message: string): void;
}

interface HeldKeys {
  readonly keys: KeySet;
  /** On the Clock, as all times here. */
  readonly freshUntil: number;
}

interface Attempt {
  readonly endedAt: number;
  readonly isGood: boolean;
}

export class IssuerKeys {
  readonly #url: string;
  readonly #options: IssuerKeysOptions;
  #held: HeldKeys | undefined;
  #last: Attempt | undefined;
  #fetching: Promise<void> | undefined;
  #waiting = 0;

  constructor(url: string, options: IssuerKeysOptions) {
    this.#url = url;
    this.#options = options;
  }

  /** The key that a token names. Fetches if need be, and if it is time to. Never rejects. */
  async find(keyId: string | undefined, algorithm: TokenAlgorithm): Promise<KeyAnswer> {
    const now = this.#options.clock.now();
    const held = this.#heldAt(now);
    const known = held?.keys.find(keyId, algorithm);
    if (known !== undefined && held !== undefined && now < held.freshUntil)
      return { kind: 'found', key: known };
    if (this.#waiting >= MAX_TOKENS_WAITING) return { kind: 'unavailable', retryMs: FETCH_KEYS_WITHIN_MS };
    if (this.#fetching !== undefined || this.#pauseMs(now) === 0) {
      this.#waiting += 1;
      await (this.#fetching ??= this.#fetch());
      this.#waiting -= 1;
    }
    return this.#answer(keyId, algorithm);
  }

  /** From what there is: also from keys that are not fresh, where the issuer could not be asked for others. */
  #answer(keyId: string | undefined, algorithm: TokenAlgorithm): KeyAnswer {
    const now = this.#options.clock.now();
    const key = this.#heldAt(now)?.keys.find(keyId, algorithm);
    if (key !== undefined) return { kind: 'found', key };
    const retryMs = this.#pauseMs(now);
    return { kind: this.#last?.isGood === true ? 'unknown' : 'unavailable', retryMs };
  }

  #heldAt(now: number): HeldKeys | undefined {
    if (this.#held !== undefined && now >= this.#held.freshUntil + KEYS_STALE_MS) this.#held = undefined;
    return this.#held;
  }

  /** How long no fetch may begin, in milliseconds. */
  #pauseMs(now: number): number {
    if (this.#last === undefined) return 0;
    const pause = this.#held === undefined ? RETRY_KEYS_EVERY_MS : FETCH_KEYS_EVERY_MS;
    return Math.max(0, this.#last.endedAt + pause - now);
  }

  async #fetch(): Promise<void> {
    const { clock, get, log, recorder } = this.#options;
    const giveUp = new AbortController();
    const cancel = clock.after(FETCH_KEYS_WITHIN_MS, () => {
      giveUp.abort();
    });
    const fetched = await fetchKeys(this.#url, get, giveUp.signal);
    cancel();
    const now = clock.now();
    this.#fetching = undefined;
    this.#last = { endedAt: now, isGood: fetched.kind === 'fetched' };
    switch (fetched.kind) {
      case 'fetched':
        this.#held = { keys: fetched.keys, freshUntil: now + fetched.freshMs };
        recorder.keysFetched('fetched');
        break;
      case 'failed': {
        const { fault, detail } = fetched;
        recorder.keysFetched(fault);
        log.warn({ issuer: this.#url, fault, detail }, 'keys of an issuer cannot be fetched');
      }
    }
  }
}
