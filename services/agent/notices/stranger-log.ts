// The stranger log: what clients without a login do. The job log gets a line for each event while they are few, and one line
// in ten seconds when they are many.
import { clientSourceOf } from '#shared/protocol/address.ts';
import type { Clock } from '#shared/time/clock.ts';
import { OTHERS, SUMMARY_EVERY_MS, Summary } from '#shared/time/summary.ts';
import type { JobLog } from './job-log.ts';
import type { LogEvent } from './log-line.ts';

/** Lines in SUMMARY_EVERY_MS about sources from which nobody is logged in; a person who logs in makes two or three. */
export const MAX_STRANGER_LINES = 20;

/** Lines in that time about sources from which somebody is logged in: their streams come and go with their network. */
export const MAX_NEIGHBOUR_LINES = 100;

/** Sources that are counted one by one in that time; further ones count as all the others. */
const MAX_COUNTED_SOURCES = 1_000;

/** The log of all that nobody had to log in for. */
export interface StrangerLog {
  /** Logs an event that anybody can cause, from `address`, or counts it. */
  tell(event: LogEvent, address: string): void;
  /** Counts a connection that had to go because there were too many. */
  turnedAway(address: string): void;
  /** Logs what was counted, and nothing more from then on. May be called twice. */
  stop(): void;
}

export interface StrangerLogOptions {
  readonly clock: Clock;
  readonly log: JobLog;
  /** How many are logged in from where this address is. */
  readonly loggedInFrom: (address: string) => number;
}

/** Of each kind, at most this many get a line of their own in SUMMARY_EVERY_MS. */
const FIRST_LINES = {
  strangers: MAX_STRANGER_LINES,
  neighbours: MAX_NEIGHBOUR_LINES,
  turned_away: 0,
} as const;

/** Has a timer only while there is something to count. */
export function createStrangerLog({ clock, log, loggedInFrom }: StrangerLogOptions): StrangerLog {
  const summary = new Summary({
    clock,
    firstOfKind: FIRST_LINES,
    maxSources: MAX_COUNTED_SOURCES,
    onRests(rests) {
      const away = rests.find(({ kind }) => kind === 'turned_away');
      const most = away?.sources.find(([source]) => source !== OTHERS);
      log.tell({
        kind: 'crowded',
        withinMs: SUMMARY_EVERY_MS,
        turnedAway: away?.count ?? 0,
        mostFrom: most && { source: most[0], count: most[1] },
        leftOut: rests.reduce((sum, rest) => (rest === away ? sum : sum + rest.count), 0),
      });
    },
  });

  return {
    tell(event, address) {
      const whose: keyof typeof FIRST_LINES = loggedInFrom(address) > 0 ? 'neighbours' : 'strangers';
      if (summary.admit(whose, clientSourceOf(address))) log.tell(event);
    },
    turnedAway(address) {
      const kind: keyof typeof FIRST_LINES = 'turned_away';
      summary.admit(kind, clientSourceOf(address));
    },
    stop: () => {
      summary.flush();
    },
  };
}
