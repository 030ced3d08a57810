// Liveness: whether the job still answers. A page hears nothing of a network that is gone (a laptop that slept, another Wi-Fi),
// so it asks, and drops the WebSocket that carries the session when nobody answers: the stream goes on over another one.
import type { Cancel, Clock } from '#shared/time/clock.ts';

/** A question this often, in milliseconds: the relay pings as often. */
export const ASK_EVERY_MS = 15_000;
/** Without an answer for this long another WebSocket is dialled, in milliseconds. */
export const ANSWERED_WITHIN_MS = 10_000;
/** The same when there is reason for doubt: the network has changed, or the laptop was asleep. */
export const PROBE_WITHIN_MS = 3_000;

export interface LivenessOptions {
  readonly clock: Clock;
  /** Resolves when the job answers; rejects when the connection is over. */
  readonly connection: { ask(): Promise<void> };
  readonly line: { readonly isCarried: boolean; readonly movedBytes: number; dropCarrier(): void };
}

export class Liveness {
  readonly #options: LivenessOptions;
  #cancelTick: Cancel = () => undefined;
  #cancelDoubt: Cancel = () => undefined;
  #isStopped = false;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancelTick = this.#options.clock.after(ASK_EVERY_MS, () => {
      this.#ask(ANSWERED_WITHIN_MS);
      this.start();
    });
  }

  /** Asks now, and waits less. */
  probe(): void {
    this.#ask(PROBE_WITHIN_MS);
  }

  /** Another WebSocket carries the stream: it has its own time. */
  heard(): void {
    this.#cancelDoubt();
  }

  /** May be called twice. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTick();
    this.#cancelDoubt();
  }

  #ask(withinMs: number): void {
    const { connection, line } = this.#options;
    if (this.#isStopped || !line.isCarried) return;
    this.#doubt(withinMs);
    const answered = (): void => this.#cancelDoubt();
    connection.ask().then(answered, answered);
  }

  /** An answer may stand behind megabytes on a slow network: whatever moves meanwhile is one too. */
  #doubt(withinMs: number): void {
    const { clock, line } = this.#options;
    const before = line.movedBytes;
    this.#cancelDoubt();
    this.#cancelDoubt = clock.after(withinMs, () => {
      if (line.movedBytes === before) line.dropCarrier();
      else this.#doubt(withinMs);
    });
  }
}
