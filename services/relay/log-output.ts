// The log output: lines to a file descriptor, which neither hold up the relay nor fill its memory when nobody reads them.
import sonicBoom from 'sonic-boom';
import type { Clock } from '#shared/clock.ts';

/** What waits for a slow reader, in bytes; lines beyond that are dropped, and counted. */
export const LOG_BACKLOG_BYTES = 1024 * 1024;

/** How long the last lines are offered to their reader, in milliseconds. */
export const LAST_LINES_WITHIN_MS = 1_000;

export interface LogOutput {
  readonly stream: { write(line: string): boolean };
  /** Lines so far that nobody will read. */
  readonly dropped: number;
  /** Resolves when all is written, or the time for that is over. May be called twice. */
  close(): Promise<void>;
}

/** Writes to `fd`, as its reader takes it. */
export function openLogOutput(fd: number, clock: Clock): LogOutput {
  const stream = new sonicBoom.SonicBoom({ fd, sync: false, maxLength: LOG_BACKLOG_BYTES });
  let dropped = 0;
  let closed: Promise<void> | undefined;
  stream.on('drop', () => {
    dropped += 1;
  });
  // A reader that is gone, a full disk: the next line tries again, and sessions are worth more than their log.
  stream.on('error', () => undefined);
  return {
    stream,
    get dropped() {
      return dropped;
    },
    close() {
      closed ??= new Promise((resolve) => {
        const cancel = clock.after(LAST_LINES_WITHIN_MS, resolve);
        stream.once('close', () => {
          cancel();
          resolve();
        });
        stream.end();
      });
      return closed;
    },
  };
}
