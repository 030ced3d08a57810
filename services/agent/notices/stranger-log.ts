// The stranger log: what those do who have not logged in goes into the job log line by line while it is little, and as
// one line in ten seconds when it is much.

import { SUMMARY_EVERY_MS } from '#shared/text/summary.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { clientSourceOf } from '../crowd/client-source.ts';
import type { JobLog } from './job-log.ts';
import type { LogEvent } from './log-line.ts';

/** Lines in SUMMARY_EVERY_MS about those from where nobody is logged in; people who log in make two or three each. */
export const MAX_STRANGER_LINES = 20;

/** Lines in that time about those from where somebody is: his sessions come and go with his network. */
export const MAX_NEIGHBOUR_LINES = 100;

/** Sources that are counted one by one in that time; further ones count as all the others. */
const MAX_COUNTED_SOURCES = 1_000;

export interface StrangerLog {
  /** Tells an event that anybody can cause, from `address`, or counts it. */
  tell(event: LogEvent, address: string): void;
  /** Counts a connection that had to go because there were too many. */
  turnedAway(address: string): void;
  /** Tells what was counted, and tells no more of it. May be called twice. */
  stop(): void;
}

/** One period, from the first event to the summary. */
interface Period {
  readonly cancel: Cancel;
  readonly turnedAwayFrom: Map<string, number>;
  turnedAway: number;
  readonly lines: { strangers: number; neighbours: number };
  leftOut: number;
}

export interface StrangerLogOptions {
  readonly clock: Clock;
  readonly log: JobLog;
  /** How many are logged in from where this address is. */
  readonly known: (address: string) => number;
}

export function createStrangerLog({ clock, log, known }: StrangerLogOptions): StrangerLog {
  let period: Period | undefined;

  function now(): Period {
    period ??= {
      cancel: clock.after(SUMMARY_EVERY_MS, summarise),
      turnedAwayFrom: new Map(),
      turnedAway: 0,
      lines: { strangers: 0, neighbours: 0 },
      leftOut: 0,
    };
    return period;
  }

  function summarise(): void {
    const past = period;
    period = undefined;
    if (past === undefined) return;
    past.cancel();
    const { turnedAway, turnedAwayFrom, leftOut } = past;
    if (turnedAway === 0 && leftOut === 0) return;
    const [most] = [...turnedAwayFrom].sort(([, left], [, right]) => right - left);
    log.tell({
      kind: 'crowded',
      withinMs: SUMMARY_EVERY_MS,
      turnedAway,
      mostFrom: most && { source: most[0], count: most[1] },
      leftOut,
    });
  }

  return {
    tell(event, address) {
      const current = now();
      const [whose, most] =
        known(address) > 0
          ? (['neighbours', MAX_NEIGHBOUR_LINES] as const)
          : (['strangers', MAX_STRANGER_LINES] as const);
      if (current.lines[whose] >= most) {
        current.leftOut++;
        return;
      }
      current.lines[whose]++;
      log.tell(event);
    },
    turnedAway(address) {
      const current = now();
      current.turnedAway++;
      const source = clientSourceOf(address);
      const before = current.turnedAwayFrom.get(source);
      if (before === undefined && current.turnedAwayFrom.size >= MAX_COUNTED_SOURCES) return;
      current.turnedAwayFrom.set(source, (before ?? 0) + 1);
    },
    stop: summarise,
  };
}
