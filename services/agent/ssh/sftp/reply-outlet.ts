// The reply outlet: writes replies to the channel, those of one turn together, and says when the channel has had enough.

import type { Duplex } from 'node:stream';
import type { BufferPool } from './buffer-pool.ts';

export class ReplyOutlet {
  readonly #channel: Duplex;
  readonly #pool: BufferPool;
  readonly #onOpen: () => void;
  #full = false;
  #corked = false;

  /** `onOpen` is called when the channel takes replies again. */
  constructor(channel: Duplex, pool: BufferPool, onOpen: () => void) {
    this.#channel = channel;
    this.#pool = pool;
    this.#onOpen = onOpen;
  }

  /** The channel's buffer is full: produce no more until `onOpen`. What is sent nevertheless is kept, not lost. */
  get full(): boolean {
    return this.#full;
  }

  send(reply: Buffer): void {
    this.#corkThisTurn();
    if (!this.#channel.write(reply, () => this.#pool.give(reply)) && !this.#full) {
      this.#full = true;
      this.#channel.once('drain', () => {
        this.#full = false;
        this.#onOpen();
      });
    }
  }

  #corkThisTurn(): void {
    if (this.#corked) {
      return;
    }
    this.#corked = true;
    this.#channel.cork();
    setImmediate(() => {
      this.#corked = false;
      this.#channel.uncork();
    });
  }
}
