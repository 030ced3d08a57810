// The reply outlet: writes replies to the channel, those of one turn together, and says when the channel has had enough.

import type { Duplex } from 'node:stream';
import { TurnCork } from '#shared/stream/turn-cork.ts';
import type { BufferPool } from './buffer-pool.ts';

/** What carries the channel, with others beside it. */
export interface Transport {
  readonly isCrowded: boolean;
  whenWritable(callback: () => void): void;
}

export class ReplyOutlet {
  readonly #channel: Duplex;
  readonly #transport: Transport | undefined;
  readonly #pool: BufferPool;
  /** Replies come one a callback, as the file system answers. */
  readonly #cork: TurnCork;
  readonly #onOpen: () => void;
  #full = false;

  /** `onOpen` is called when the channel takes replies again. */
  constructor(channel: Duplex, transport: Transport | undefined, pool: BufferPool, onOpen: () => void) {
    this.#channel = channel;
    this.#transport = transport;
    this.#pool = pool;
    this.#cork = new TurnCork(channel, 'loop');
    this.#onOpen = onOpen;
  }

  /** False: produce no more until `onOpen`. What is sent nevertheless is kept, not lost. */
  hasRoom(): boolean {
    if (!this.#full && this.#transport?.isCrowded === true) {
      this.#full = true;
      this.#transport.whenWritable(this.#reopen);
    }
    return !this.#full;
  }

  send(reply: Buffer): void {
    this.#cork.hold();
    if (!this.#channel.write(reply, () => this.#pool.give(reply)) && !this.#full) {
      this.#full = true;
      this.#channel.once('drain', this.#reopen);
    }
  }

  readonly #reopen = (): void => {
    this.#full = false;
    this.#onOpen();
  };
}
