// Memory return: when an agent that has moved much gives its memory back, once it moves little.
import type { Cancel, Clock } from '#shared/time/clock.ts';

/**
 * Of the bytes of all clients, both ways. The buffers that carried them stay with the process until somebody asks for them: about
 * as much as was moved, up to 100 MiB.
 */
export const RETURN_AFTER_BYTES = 16 * 1024 * 1024;

/** How long little must have moved, in milliseconds, so that a transfer that pauses does not pay for it. */
export const RETURN_QUIET_MS = 2_000;

/** Little, in that time: what somebody types, and what a page of a log takes. */
export const RETURN_QUIET_BYTES = 64 * 1024;

/**
 * From one time to the next, in milliseconds. An agent is cold afterwards: V8 makes the fast code of the next transfer once more,
 * as for the first, which takes a fifth of a second of CPU. File after file must not pay that for each.
 */
export const RETURN_EVERY_MS = 300_000;

export interface MemoryReturnOptions {
  readonly clock: Clock;
  /** Gives it back. Nothing else happens meanwhile. */
  readonly giveBack: () => void;
}

type State =
  /** No timer: an agent that has nothing to give back is not woken. */
  | { readonly kind: 'filling' }
  /** Enough has moved. `seen` is how much it was at the last look. */
  | { readonly kind: 'waiting'; readonly seen: number; readonly cancel: Cancel }
  | { readonly kind: 'stopped' };

/** Of one agent. */
export class MemoryReturn {
  readonly #options: MemoryReturnOptions;
  #state: State = { kind: 'filling' };
  /** Since the last time. */
  #moved = 0;
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(options: MemoryReturnOptions) {
    this.#options = options;
  }

  /** So many bytes came in or went out. Called for every chunk. */
  moved(bytes: number): void {
    this.#moved += bytes;
    if (this.#state.kind === 'filling' && this.#moved >= RETURN_AFTER_BYTES) this.#wait();
  }

  /** Gives nothing back any more. May be called twice. */
  stop(): void {
    if (this.#state.kind === 'waiting') this.#state.cancel();
    this.#state = { kind: 'stopped' };
  }

  #wait(): void {
    const { clock } = this.#options;
    const waitMs = Math.max(RETURN_QUIET_MS, this.#notBefore - clock.now());
    const cancel = clock.after(waitMs, () => this.#look());
    this.#state = { kind: 'waiting', seen: this.#moved, cancel };
  }

  #look(): void {
    if (this.#state.kind !== 'waiting') return;
    if (this.#moved - this.#state.seen > RETURN_QUIET_BYTES) return this.#wait();
    this.#state = { kind: 'filling' };
    this.#moved = 0;
    this.#notBefore = this.#options.clock.now() + RETURN_EVERY_MS;
    this.#options.giveBack();
  }
}
