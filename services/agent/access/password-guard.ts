// The password guard: how fast and how often a password may be guessed, by everybody together and by each source.
import { clientSourceOf } from '#shared/protocol/address.ts';
import type { Clock } from '#shared/time/clock.ts';

/** After this many wrong passwords in all, password login is off until somebody turns it on. */
export const MAX_PASSWORD_FAILURES = 100;

/** In milliseconds. After its first failure a source waits MIN_FAILURE_DELAY_MS for its answer and its next guess; each failure doubles it. */
export const MIN_FAILURE_DELAY_MS = 500;
export const MAX_FAILURE_DELAY_MS = 10_000;

/** From this many failures in all every guess waits: MIN_COMMON_DELAY_MS first, twice as long after each further ten. */
export const COMMON_DELAY_FROM = 10;
export const MIN_COMMON_DELAY_MS = 100;
export const MAX_COMMON_DELAY_MS = 5_000;

/** A guess that would wait longer is refused unread, in milliseconds: its connection would be cut first. */
export const MAX_GUESS_WAIT_MS = 30_000;

/** How long the failures of a source are kept after its last one, in milliseconds. */
export const FAILURES_KEPT_MS = 3_600_000;

/** At most this many sources are remembered; the one that failed longest ago makes room. */
export const MAX_SOURCES = 1_000;

/** Whether passwords are taken, and how many were wrong since they are. */
export type PasswordState =
  | { readonly kind: 'on'; readonly failures: number }
  /** `too_many_failures`, or somebody typed `converge password off`. */
  | { readonly kind: 'off'; readonly reason: 'too_many_failures' | 'asked'; readonly failures: number };

/** What becomes of a guess. */
export type Turn =
  /** To be compared after this time, in milliseconds. */
  | { readonly kind: 'wait'; readonly ms: number }
  /** Not compared: there are too many before it. It counts for nothing. */
  | { readonly kind: 'crowded' }
  | { readonly kind: 'off' };

export interface PasswordGuardOptions {
  readonly clock: Clock;
  /** Too many passwords were wrong: login by password is off now. Called once until it is on again. */
  readonly onTooMany: (failures: number) => void;
}

interface Source {
  readonly failures: number;
  readonly failedAt: number;
  /** Before this its next guess is not compared; on the Clock. */
  notBefore: number;
}

/** How long the answer to the nth failure (from 1) of a source is held back, and its next guess, in milliseconds. */
export function failureDelay(failure: number): number {
  return Math.min(MIN_FAILURE_DELAY_MS * 2 ** (failure - 1), MAX_FAILURE_DELAY_MS);
}

/** How long every guess is held back after this many failures in all, in milliseconds. */
export function commonDelay(failures: number): number {
  if (failures < COMMON_DELAY_FROM) return 0;
  const tens = Math.floor((failures - COMMON_DELAY_FROM) / 10);
  return Math.min(MIN_COMMON_DELAY_MS * 2 ** tens, MAX_COMMON_DELAY_MS);
}

/**
 * The guesses of one source are compared one after the other, each after the delays of those before it, no matter how many
 * connections they come by. Sources do not wait for one another; only the common delay holds for all.
 */
export class PasswordGuard {
  readonly #options: PasswordGuardOptions;
  /** In the order of their last failure or guess. */
  readonly #sources = new Map<string, Source>();
  #state: PasswordState = { kind: 'on', failures: 0 };
  /** On the Clock. */
  #nobodyBefore = 0;

  constructor(options: PasswordGuardOptions) {
    this.#options = options;
  }

  get state(): PasswordState {
    return this.#state;
  }

  /** How many sources are remembered. */
  get remembered(): number {
    return this.#sources.size;
  }

  /** When a guess from `address` may be compared. It keeps its turn: the next one of this source comes after it. */
  turnOf(address: string): Turn {
    if (this.#state.kind === 'off') return { kind: 'off' };
    const now = this.#options.clock.now();
    const name = clientSourceOf(address);
    const source = this.#sources.get(name);
    const at = Math.max(now, this.#nobodyBefore, source?.notBefore ?? 0);
    if (at - now > MAX_GUESS_WAIT_MS) return { kind: 'crowded' };
    if (source !== undefined) source.notBefore = at + failureDelay(source.failures + 1);
    else this.#remember(name, { failures: 0, failedAt: now, notBefore: at + MIN_FAILURE_DELAY_MS });
    return { kind: 'wait', ms: at - now };
  }

  /** A password was wrong. Returns how long its answer is to be held back, in milliseconds. */
  failed(address: string): number {
    const now = this.#options.clock.now();
    const name = clientSourceOf(address);
    const before = this.#sources.get(name);
    const failures = (before?.failures ?? 0) + 1;
    const delay = failureDelay(failures);
    const notBefore = Math.max(before?.notBefore ?? 0, now + delay);
    this.#sources.delete(name);
    this.#remember(name, { failures, failedAt: now, notBefore });
    this.#countFailure(now);
    return delay;
  }

  /** The password was right: nothing holds this source up. */
  succeeded(address: string): void {
    this.#sources.delete(clientSourceOf(address));
  }

  /** Starts to count anew. */
  turnOn(): void {
    this.#state = { kind: 'on', failures: 0 };
    this.#sources.clear();
    this.#nobodyBefore = 0;
  }

  turnOff(): void {
    const { failures } = this.#state;
    if (this.#state.kind === 'on') this.#state = { kind: 'off', reason: 'asked', failures };
  }

  #countFailure(now: number): void {
    if (this.#state.kind === 'off') return;
    const failures = this.#state.failures + 1;
    this.#nobodyBefore = now + commonDelay(failures);
    if (failures < MAX_PASSWORD_FAILURES) {
      this.#state = { kind: 'on', failures };
      return;
    }
    this.#state = { kind: 'off', reason: 'too_many_failures', failures };
    this.#sources.clear();
    this.#options.onTooMany(failures);
  }

  #remember(name: string, source: Source): void {
    for (const [other, { failedAt, notBefore }] of this.#sources) {
      const isOld = source.failedAt - Math.max(failedAt, notBefore) > FAILURES_KEPT_MS;
      if (!isOld && this.#sources.size < MAX_SOURCES) break;
      this.#sources.delete(other);
    }
    this.#sources.set(name, source);
  }
}
