// Repeated lines: what strangers can make the relay log is told a few times, then as numbers, so that they cannot fill it.

import { type Rest, Summary } from '#shared/text/summary.ts';
import type { Clock } from '#shared/time/clock.ts';

/** Of one message for one reason, so many lines in SUMMARY_EVERY_MS. */
export const FIRST_LINES = 30;

/** Of these, so many about one address. */
export const FIRST_LINES_OF_ADDRESS = 10;

/** Messages that come as often as strangers like. The others are about what was granted, or come from ourselves. */
const REPEATABLE: ReadonlySet<string> = new Set([
  'request refused',
  'malformed request',
  'request failed',
  'answer not taken',
  'client left while waiting',
  'client left at the upgrade',
  'agent left at the upgrade',
  'control message of an unknown type ignored',
  'dial order failed',
]);

/** Of a line, what tells one kind from another beside its message. */
const REASON_FIELDS = ['code', 'reason', 'outcome'] as const;

/** Of a line, whom it is about. */
const ADDRESS_FIELDS = ['address', 'client'] as const;

export interface RepeatedLines {
  /** True if this line is to be written; else it is counted. */
  admit(fields: unknown, message: unknown): boolean;
  /** Tells now what was counted. May be called twice. */
  flush(): void;
}

/** `tell` writes the line with the number of those that were held back. */
export function createRepeatedLines(
  clock: Clock,
  tell: (fields: Record<string, unknown>, message: string) => void,
): RepeatedLines {
  const summary = new Summary({
    clock,
    firstOfKind: FIRST_LINES,
    firstOfSource: FIRST_LINES_OF_ADDRESS,
    onRest({ kind, count, sources }: Rest) {
      const [message, reason] = kind.split(SEPARATOR);
      tell({ repeated: message, reason, count, addresses: Object.fromEntries(sources) }, 'more of the same');
    },
  });
  return {
    admit(fields, message) {
      if (typeof message !== 'string' || !REPEATABLE.has(message)) return true;
      const reason = textFrom(fields, REASON_FIELDS);
      const kind = reason === undefined ? message : `${message}${SEPARATOR}${reason}`;
      return summary.admit(kind, textFrom(fields, ADDRESS_FIELDS) ?? 'unknown');
    },
    flush: () => {
      summary.flush();
    },
  };
}

const SEPARATOR = ': ';

function textFrom(fields: unknown, names: readonly string[]): string | undefined {
  if (typeof fields !== 'object' || fields === null) return undefined;
  for (const name of names) {
    const value = (fields as Record<string, unknown>)[name];
    if (typeof value === 'string') return value;
  }
  return undefined;
}
