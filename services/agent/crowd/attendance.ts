// Attendance: how many are logged in, and how many of them come from one source.
import { clientSourceOf } from '#shared/protocol/address.ts';

/** Counts each client from its login until it is gone. */
export class Attendance {
  readonly #bySource = new Map<string, number>();

  get count(): number {
    return [...this.#bySource.values()].reduce((sum, count) => sum + count, 0);
  }

  /** How many are logged in from the source of this address. */
  loggedInFrom(address: string): number {
    return this.#bySource.get(clientSourceOf(address)) ?? 0;
  }

  /** Somebody has logged in. Returns what is to be called, once, when that client is gone. */
  arrived(address: string): () => void {
    const source = clientSourceOf(address);
    this.#count(source, 1);
    return () => {
      this.#count(source, -1);
    };
  }

  #count(source: string, change: 1 | -1): void {
    const count = (this.#bySource.get(source) ?? 0) + change;
    if (count > 0) this.#bySource.set(source, count);
    else this.#bySource.delete(source);
  }
}
