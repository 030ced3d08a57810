// The pty writer: bytes into the master side of a pty, all of them, without ever blocking.
import { writeSync } from 'node:fs';
import type { Cancel, Clock } from '#shared/time/clock.ts';

/** Above this much unwritten input `write` says stop. */
const INPUT_HIGH_WATER_BYTES = 64 * 1024;
/** How long to wait when the line is full. Node cannot poll the master for room, see PtyWriter. */
const MIN_FULL_LINE_WAIT_MS = 2;
const MAX_FULL_LINE_WAIT_MS = 50;

type State =
  | { readonly kind: 'idle' }
  /** The line is full: `cancel` ends the wait for room. `isSourceStopped`: the last `write` said stop. */
  | { readonly kind: 'waiting'; readonly cancel: Cancel; isSourceStopped: boolean }
  | { readonly kind: 'closed' };

/**
 * Writes to the non-blocking master itself and not through tty.WriteStream. libuv cannot reopen a pty master and falls back
 * to blocking writes; then a paste into a program that does not read stops the whole process. A write here takes what the
 * line has room for (a few KiB) and returns; the rest is tried again after a short wait.
 */
export class PtyWriter {
  readonly #fd: number;
  readonly #clock: Clock;
  readonly #drained: () => void;
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  #state: State = { kind: 'idle' };

  constructor(fd: number, clock: Clock, drained: () => void) {
    this.#fd = fd;
    this.#clock = clock;
    this.#drained = drained;
  }

  /** Takes a chunk. False: stop until `drained` is called. Ignored after `close`. */
  write(chunk: Buffer): boolean {
    const { kind } = this.#state;
    if (kind === 'closed') return true;
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    if (kind === 'idle') this.#flush(MIN_FULL_LINE_WAIT_MS);
    return this.#letSourceGoOn();
  }

  /** Must come before the descriptor is closed: its number may be somebody else's a moment later. */
  close(): void {
    if (this.#state.kind === 'waiting') this.#state.cancel();
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#release({ kind: 'closed' });
  }

  #flush(waitMs: number): void {
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      const written = this.#writeSome(head);
      if (written === 'closed') {
        this.close();
        return;
      }
      if (written === 'full') {
        this.#waitForRoom(waitMs);
        return;
      }
      waitMs = MIN_FULL_LINE_WAIT_MS;
      this.#queuedBytes -= written;
      if (written === head.length) this.#queue.shift();
      else this.#queue[0] = head.subarray(written);
    }
    this.#release({ kind: 'idle' });
  }

  #writeSome(chunk: Buffer): number | 'full' | 'closed' {
    try {
      const written = writeSync(this.#fd, chunk);
      return written === 0 ? 'full' : written;
    } catch (error) {
      // EIO: nobody has the other side open any more. Any other error (EBADF) is as final.
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 'full' : 'closed';
    }
  }

  #waitForRoom(waitMs: number): void {
    const isSourceStopped = this.#state.kind === 'waiting' && this.#state.isSourceStopped;
    const cancel = this.#clock.after(waitMs, () => {
      this.#flush(Math.min(waitMs * 2, MAX_FULL_LINE_WAIT_MS));
    });
    this.#state = { kind: 'waiting', cancel, isSourceStopped };
  }

  /** Nothing is unwritten unless the line is full. */
  #letSourceGoOn(): boolean {
    if (this.#state.kind !== 'waiting') return true;
    this.#state.isSourceStopped = this.#queuedBytes > INPUT_HIGH_WATER_BYTES;
    return !this.#state.isSourceStopped;
  }

  /** Nothing is left to write. */
  #release(next: Exclude<State, { kind: 'waiting' }>): void {
    const before = this.#state;
    this.#state = next;
    if (before.kind === 'waiting' && before.isSourceStopped) this.#drained();
  }
}
