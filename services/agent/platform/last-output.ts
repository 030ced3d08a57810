// Last output: what a terminal still has to give when its program has ended. Others may hold it open, so it is read until
// nothing comes any more.
import type { Cancel, Clock } from '#shared/time/clock.ts';

export interface LastOutputOptions {
  readonly clock: Clock;
  /** In milliseconds. If nothing comes for this long, there is nothing left. */
  readonly quietMs: number;
  /** After more than this, no more is waited for: others may write for ever. */
  readonly maxBytes: number;
  /** Called once at most, and not after `stop`. */
  readonly over: () => void;
}

/** Waits for nothing until `resume`. */
export class LastOutput {
  readonly #options: LastOutputOptions;
  #bytes = 0;
  /** Undefined while it is paused. */
  #cancelQuiet: Cancel | undefined;

  constructor(options: LastOutputOptions) {
    this.#options = options;
  }

  /** To be called for each chunk that was read. */
  received(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#options.maxBytes) {
      this.stop();
      this.#options.over();
    } else if (this.#cancelQuiet !== undefined) this.resume();
  }

  /** The output is read again. */
  resume(): void {
    this.stop();
    const { clock, quietMs, over } = this.#options;
    this.#cancelQuiet = clock.after(quietMs, () => {
      // If this process was busy or stopped, its timers fire before it reads: it may only look as if no output came.
      const look = setImmediate(over);
      this.#cancelQuiet = () => {
        clearImmediate(look);
      };
    });
  }

  /** The output is not read, or of no interest any more. May be called twice. */
  stop(): void {
    this.#cancelQuiet?.();
    this.#cancelQuiet = undefined;
  }
}
