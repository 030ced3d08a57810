// A bell: wakes a loop that waits, also if it rang while the loop was busy.
import type { Clock } from '#shared/time/clock.ts';

export class Bell {
  #rang = false;
  #answer: (() => void) | undefined;

  ring(): void {
    this.#rang = true;
    this.#answer?.();
  }

  /** Resolves when the bell rings, at once if it rang since the last call, or after `ms` milliseconds. */
  async rung(clock: Clock, ms: number): Promise<void> {
    if (!this.#rang) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const cancel = clock.after(ms, resolve);
      this.#answer = resolve;
      await promise;
      cancel();
      this.#answer = undefined;
    }
    this.#rang = false;
  }
}
