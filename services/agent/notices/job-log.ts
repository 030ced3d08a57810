// The job log: what people who watch the job read, line by line.
import type { PrintableLine } from '#shared/text/printable.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { isRoutine, type LogEvent, logLineFrom } from './log-line.ts';

/** How often a line says what the job waits for while nobody is there, in milliseconds. */
export const REMINDER_EVERY_MS = 60_000;

export interface JobLogOptions {
  readonly clock: Clock;
  /** Leaves out anything that is not news. */
  readonly isQuiet: boolean;
  readonly print: (line: PrintableLine) => void;
  /** The line of an event at that moment, in milliseconds since the epoch; undefined for none. By default one for people. */
  readonly lineFrom?: ((event: LogEvent, now: number) => PrintableLine | undefined) | undefined;
  /** Hears of every event, whether it gets a line or not. */
  readonly onEvent?: ((event: LogEvent, now: number) => void) | undefined;
}

/** The job log of one agent. */
export interface JobLog {
  tell(event: LogEvent): void;
  /** Logs what `event` returns, if anything, again and again. */
  remind(event: () => LogEvent | undefined): Cancel;
}

/** Opens nothing. */
export function createJobLog(options: JobLogOptions): JobLog {
  const { clock, isQuiet, print, lineFrom = logLineFrom, onEvent } = options;
  function tell(event: LogEvent): void {
    const now = clock.wallTime();
    const line = isQuiet && isRoutine(event) ? undefined : lineFrom(event, now);
    if (line !== undefined) print(line);
    onEvent?.(event, now);
  }

  return {
    tell,
    remind(event) {
      let cancel = clock.after(REMINDER_EVERY_MS, again);
      function again(): void {
        const due = event();
        if (due !== undefined) tell(due);
        cancel = clock.after(REMINDER_EVERY_MS, again);
      }
      return () => {
        cancel();
      };
    },
  };
}
