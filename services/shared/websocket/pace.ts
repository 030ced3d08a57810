// The pace of a stream: how either direction is held up, and so whether silence proves that the peer is gone.

/**
 * How the peer reads. `paced`: as it likes, so that a stream which is held up, for hours even, proves nothing.
 * `eager`: always, since what may be on its way is limited above this stream (the resumable stream does that): when
 * nothing moves, the connection is taken for dead. A relay between the two may hold it up as well; what is above this
 * stream must then be able to go on over another one.
 */
export type PeerReading = 'paced' | 'eager';

export class Pace {
  readonly #reading: PeerReading;
  /** This end does not read. */
  #isPaused = false;
  /** The kernel does not take what this end writes. */
  #isFull = false;
  /** How often either direction was held up: a ping then waits behind data, or its answer does. */
  #holdUps = 0;
  /** How often the kernel took something while it was full: the peer's kernel has then taken as much. */
  #moves = 0;

  constructor(reading: PeerReading) {
    this.#reading = reading;
  }

  /** Whether `move` matters: a callback for each write is only asked for where it does. */
  get countsMoves(): boolean {
    return this.#reading === 'eager';
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** This end reads no more. False if it did not before. */
  pause(): boolean {
    if (this.#isPaused) return false;
    this.#isPaused = true;
    this.#holdUps += 1;
    return true;
  }

  /** This end reads again. False if it did before. */
  resume(): boolean {
    const wasPaused = this.#isPaused;
    this.#isPaused = false;
    return wasPaused;
  }

  /** The kernel takes no more. */
  fill(): void {
    this.#isFull = true;
    this.#holdUps += 1;
  }

  /** The kernel took something of what was written. */
  move(): void {
    if (this.#isFull) this.#moves += 1;
  }

  /** The kernel has taken all that was written. False if it was not full. */
  drain(): boolean {
    if (!this.#isFull) return false;
    this.#moves += 1;
    this.#isFull = false;
    return true;
  }

  /** Watches from now on. The result, asked later, is true if silence since then proves nothing. */
  watch(): () => boolean {
    const holdUps = this.#holdUps;
    const moves = this.#moves;
    switch (this.#reading) {
      case 'paced':
        return () => this.#isPaused || this.#isFull || this.#holdUps !== holdUps;
      case 'eager':
        return () => this.#isPaused || this.#moves !== moves;
    }
  }
}
