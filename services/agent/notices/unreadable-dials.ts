// Unreadable dials: orders of a relay that make no sense, reported in the job log once each and then as a number.
import type { Clock } from '#shared/time/clock.ts';
import { Summary } from '#shared/time/summary.ts';
import type { JobLog } from './job-log.ts';

export interface UnreadableDials {
  /** `detail` says what is wrong with it. As often as a relay likes. */
  tell(detail: string): void;
  /** Logs what was counted. May be called twice. */
  stop(): void;
}

/** Has a timer only while there is something to count. */
export function createUnreadableDials({ clock, log }: { clock: Clock; log: JobLog }): UnreadableDials {
  const summary = new Summary({
    clock,
    firstOfKind: 1,
    onRests(rests) {
      for (const { kind, count } of rests) {
        log.tell({ kind: 'note', text: `ignored ${count} more dial orders: ${kind}` });
      }
    },
  });
  return {
    tell(detail) {
      if (summary.admit(detail, '')) log.tell({ kind: 'note', text: `ignored a dial order: ${detail}` });
    },
    stop: () => {
      summary.flush();
    },
  };
}
