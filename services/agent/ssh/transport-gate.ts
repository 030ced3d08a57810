// The transport gate: writers of one connection wait here while its stream is full.
import type { Duplex } from 'node:stream';

/**
 * ssh2 ignores what the stream's `write` returns, so without this the windows of all channels (2 MiB each, or what
 * the client claims) would pile up in memory whenever the client reads slowly.
 */
export class TransportGate {
  readonly #duplex: Duplex;
  readonly #waiting: (() => void)[] = [];

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
  }

  /** Calls back now, or when the stream has room again; never when it is destroyed before. */
  whenWritable(callback: () => void): void {
    if (!this.#duplex.writableNeedDrain) {
      callback();
      return;
    }
    this.#waiting.push(callback);
    if (this.#waiting.length === 1) this.#duplex.once('drain', this.#release);
  }

  readonly #release = (): void => {
    for (const callback of this.#waiting.splice(0)) callback();
  };
}
