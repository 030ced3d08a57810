// The log output: writes lines to a file descriptor. If nobody reads them, they neither stop the relay nor fill its memory.
import { constants, openSync, write, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { printableJson } from '#shared/text/printable.ts';
import type { Clock } from '#shared/time/clock.ts';

/** How much may wait for a slow reader, in bytes; further lines are dropped, and counted. */
export const MAX_LOG_BACKLOG_BYTES = 1024 * 1024;

/** How long to wait after a write that failed (a full pipe, a reader that is gone, a full disk), in milliseconds. */
export const RETRY_AFTER_MS = 100;

/** How long the relay waits at its end for a reader to take the last lines, in milliseconds. */
export const LAST_LINES_WITHIN_MS = 1_000;

/** The most that one write hands over, in bytes. */
const MAX_WRITE_BYTES = 64 * 1024;

/** idle -> due -> writing -> idle or resting; resting -> writing. When idle, nothing waits. */
type State = 'idle' | 'due' | 'writing' | 'resting';

/** What pino writes to: one line each. All lines of one turn of the event loop leave together, after it. */
export class LogOutput {
  readonly #fd: number;
  readonly #clock: Clock;
  readonly #form: (line: string) => string;
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #state: State = 'idle';
  #dropped = 0;
  #closed: Promise<void> | undefined;
  #whenIdle: () => void = () => undefined;

  /** `form` makes of a line of JSON what is written; without it that is the line. */
  constructor(fd: number, clock: Clock, form: (line: string) => string = printableJson) {
    this.#fd = fd;
    this.#clock = clock;
    this.#form = form;
  }

  /** How many lines were dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  readonly write = (line: string): void => {
    // Requests are full of text that somebody may look at on a terminal.
    const bytes = Buffer.from(this.#form(line));
    if (this.#waitingBytes + bytes.length > MAX_LOG_BACKLOG_BYTES) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#state !== 'idle') return;
    this.#state = 'due';
    setImmediate(this.#writeSome);
  };

  /** Resolves when everything is written, after LAST_LINES_WITHIN_MS at the latest. May be called twice. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      if (this.#state === 'idle') return resolve();
      const cancel = this.#clock.after(LAST_LINES_WITHIN_MS, resolve);
      this.#whenIdle = () => {
        cancel();
        resolve();
      };
    });
    return this.#closed;
  }

  /** Writes what the descriptor takes at once. For the last turn of a process, which cannot wait. Never throws. */
  flush(): void {
    // What is being written gets there without us: a process ends after its file threads.
    if (this.#state === 'writing') this.#waiting.shift();
    try {
      while (this.#waiting.length > 0) this.#taken(writeSync(this.#fd, this.#next()));
    } catch {
      // Nobody takes them, and there is nobody left to notify.
    }
  }

  readonly #writeSome = (): void => {
    if (this.#waiting.length === 0) {
      this.#state = 'idle';
      this.#whenIdle();
      return;
    }
    this.#state = 'writing';
    write(this.#fd, this.#next(), (error, bytes) => {
      if (error !== null) {
        this.#state = 'resting';
        this.#clock.after(RETRY_AFTER_MS, this.#writeSome);
        return;
      }
      this.#taken(bytes);
      this.#writeSome();
    });
  };

  /** The next bytes, as one: they wait until they are taken. */
  #next(): Buffer {
    let count = 1;
    let bytes = this.#waiting[0]?.length ?? 0;
    for (; count < this.#waiting.length; count += 1) {
      bytes += this.#waiting[count]?.length ?? 0;
      if (bytes > MAX_WRITE_BYTES) break;
    }
    const joined = Buffer.concat(this.#waiting.splice(0, count));
    this.#waiting.unshift(joined);
    return joined;
  }

  #taken(bytes: number): void {
    this.#waitingBytes -= bytes;
    const first = this.#waiting[0];
    if (first === undefined || bytes >= first.length) this.#waiting.shift();
    else this.#waiting[0] = first.subarray(bytes);
  }
}

/**
 * A descriptor of standard output on which no write blocks. Node makes a pipe or a socket non-blocking when
 * `process.stdout` is first used. It leaves a terminal as it is, since other programs share it; so a terminal is opened
 * once more, for us.
 */
export function openStandardOutput(): number {
  const { fd } = process.stdout;
  if (!isatty(fd)) return fd;
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    // The terminal of another user, or no /proc: it works as long as somebody reads.
    return fd;
  }
}
