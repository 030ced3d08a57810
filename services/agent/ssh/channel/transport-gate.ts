// The transport gate: writers of one connection wait here while its stream is full, or while keys are exchanged.
import type { Duplex } from 'node:stream';

/** Above this whoever answers many requests at once must wait; more than a client's usual window. */
const CROWDED_BYTES = 4 * 1024 * 1024;

/**
 * ssh2 ignores what the stream's `write` returns, and it keeps all that is written during a key exchange. Without this the
 * windows of all channels (2 MiB each, or what the client claims: PuTTY claims 2 GiB) would pile up in memory whenever the
 * client reads slowly, or is lost in the middle of an exchange.
 */
export class TransportGate {
  readonly #duplex: Duplex;
  readonly #waiting: (() => void)[] = [];
  #isHeld = false;

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
    duplex.on('drain', this.#release);
  }

  /** True: whoever wants to send more should wait with `whenWritable`, which will then call back in a later turn. */
  get isCrowded(): boolean {
    return this.#isShut && (this.#isHeld || this.#duplex.writableLength > CROWDED_BYTES);
  }

  /** Calls back now, or when the stream has room again; never when it is destroyed before. */
  whenWritable(callback: () => void): void {
    if (this.#isShut) this.#waiting.push(callback);
    else callback();
  }

  /** Nothing can be sent until `letGo`. */
  hold(): void {
    this.#isHeld = true;
  }

  letGo(): void {
    this.#isHeld = false;
    this.#release();
  }

  get #isShut(): boolean {
    return this.#isHeld || this.#duplex.writableNeedDrain;
  }

  readonly #release = (): void => {
    if (this.#isShut) return;
    for (const callback of this.#waiting.splice(0)) callback();
  };
}
