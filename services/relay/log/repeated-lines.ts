// Repeated lines: a line that strangers can cause is written a few times and then only counted, to keep the log short.
import type { Clock } from '#shared/time/clock.ts';
import { type Rest, Summary } from '#shared/time/summary.ts';

/** How many lines of one message and reason are written in SUMMARY_EVERY_MS. */
export const FIRST_LINES = 30;

/** How many of these lines may be about one address. */
export const FIRST_LINES_OF_ADDRESS = 10;

/** Messages that strangers can cause as often as they like. All others are about what was granted, or about ourselves. */
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

/** The fields of a line that distinguish one kind from another, beside its message. */
const REASON_FIELDS = ['code', 'reason', 'outcome'] as const;

/** The fields of a line that say whom it is about. */
const ADDRESS_FIELDS = ['address', 'client'] as const;

/** Writes one line of the log. */
type Tell = (fields: Record<string, unknown>, message: string) => void;

/**
 * The log asks it about each line, and it passes the sums on to the log: so it is made first, and given the log with `tellTo`.
 */
export class RepeatedLines {
  readonly #summary: Summary;
  #tell: Tell = () => undefined;

  constructor(clock: Clock) {
    this.#summary = new Summary({
      clock,
      firstOfKind: FIRST_LINES,
      firstOfSource: FIRST_LINES_OF_ADDRESS,
      onRests: (rests) => {
        for (const rest of rests) this.#tellRest(rest);
      },
    });
  }

  /** Where the number of the lines that were held back is logged. To be called once, before the first line. */
  tellTo(tell: Tell): void {
    this.#tell = tell;
  }

  /** True if this line is to be written; else it is counted. */
  admit(fields: unknown, message: unknown): boolean {
    if (typeof message !== 'string' || !REPEATABLE.has(message)) return true;
    const reason = textFrom(fields, REASON_FIELDS);
    const kind = reason === undefined ? message : `${message}${SEPARATOR}${reason}`;
    return this.#summary.admit(kind, textFrom(fields, ADDRESS_FIELDS) ?? 'unknown');
  }

  /** Logs now what was counted. May be called twice. */
  flush(): void {
    this.#summary.flush();
  }

  #tellRest({ kind, count, sources }: Rest): void {
    const [message, reason] = kind.split(SEPARATOR);
    this.#tell(
      { repeated: message, reason, count, addresses: Object.fromEntries(sources) },
      'more of the same',
    );
  }
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
