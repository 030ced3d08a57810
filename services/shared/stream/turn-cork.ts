// The turn cork: what is written to a Node stream in one turn leaves in one system call.
import type { Writable } from 'node:stream';

/**
 * How long a turn is. `callback`: what one callback of Node's writes, one read of another socket for example.
 * `loop`: what all callbacks of one round of the event loop write, for writers whose chunks come one a callback.
 */
type Turn = 'callback' | 'loop';

export class TurnCork {
  readonly #writable: Writable;
  readonly #turn: Turn;
  #isIn = false;

  constructor(writable: Writable, turn: Turn) {
    this.#writable = writable;
    this.#turn = turn;
  }

  /** Call it before each write: what is written from here on waits for the end of the turn. */
  hold(): void {
    if (this.#isIn) return;
    this.#isIn = true;
    this.#writable.cork();
    if (this.#turn === 'callback') process.nextTick(this.#pull);
    else setImmediate(this.#pull);
  }

  readonly #pull = (): void => {
    this.#isIn = false;
    this.#writable.uncork();
  };
}
