// The audit trail: events as lines, on their way to where the operator wants them, with a count of those that got lost.
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import type { Clock } from '#shared/time/clock.ts';
import { Summary } from '#shared/time/summary.ts';
import type { Log } from '../session/needs.ts';
import type { AuditEvent, AuditEventName, AuditLog } from './audit-event.ts';
import { auditLineOf } from './audit-line.ts';
import type { AuditSink, SinkEvents } from './audit-sink.ts';

/** How many refusals of one code have a line each in SUMMARY_EVERY_MS; the others are counted in one. */
export const FIRST_REFUSALS = 30;

/** How many of these lines may be about one address. */
export const FIRST_REFUSALS_OF_ADDRESS = 10;

/** How long a relay that ends waits for its last lines to be taken, in milliseconds. */
export const LAST_AUDIT_WITHIN_MS = 5_000;

/** Counts what becomes of audit lines. */
export interface AuditRecorder {
  auditRecorded(event: AuditEventName): void;
  /** So many lines are nowhere. */
  auditLost(count: number): void;
  /** An attempt to write or send failed; there will be another, unless the lines are counted as lost. */
  auditFailed(): void;
}

export interface AuditTrailOptions {
  readonly pod: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: AuditRecorder;
  /** Opens nothing. */
  readonly sink: (events: SinkEvents) => AuditSink;
}

/** Lines that are lost, and that the trail does not know of yet. */
interface Loss {
  readonly count: number;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
  readonly until: number;
}

export class AuditTrail implements AuditLog {
  readonly #options: AuditTrailOptions;
  readonly #sink: AuditSink;
  readonly #refusals: Summary;
  #loss: Loss | undefined;
  #isFailing = false;
  #closed: Promise<void> | undefined;

  /** Opens nothing. */
  constructor(options: AuditTrailOptions) {
    const { clock, log, recorder } = options;
    this.#options = options;
    this.#sink = options.sink({
      onRoom: () => this.#tellLoss(),
      onLost: (count) => this.#lose(count),
      onFailure: (detail) => {
        recorder.auditFailed();
        if (!this.#isFailing) log.warn({ detail }, 'audit lines not written: trying again');
        this.#isFailing = true;
      },
      onRecovered: () => {
        this.#isFailing = false;
        log.info({}, 'audit lines are written again');
      },
    });
    this.#refusals = new Summary({
      clock,
      firstOfKind: FIRST_REFUSALS,
      firstOfSource: FIRST_REFUSALS_OF_ADDRESS,
      onRests: (rests) => {
        for (const { kind, count, sources } of rests) {
          const addresses = Object.fromEntries(sources);
          this.#write({ event: 'refused_more', code: kind as RefusalCode, count, addresses });
        }
      },
    });
  }

  /** What waits, in bytes. */
  get waitingBytes(): number {
    return this.#sink.waitingBytes;
  }

  record(event: AuditEvent): void {
    if (event.event === 'refused' && !this.#refusals.admit(event.code, event.address)) return;
    this.#write(event);
  }

  /** Opens the file anew. */
  reopen(): void {
    this.#sink.reopen();
  }

  /** Resolves when all lines are taken, after LAST_AUDIT_WITHIN_MS at the latest. May be called twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#refusals.flush();
    this.#tellLoss();
    const left = await this.#sink.close(LAST_AUDIT_WITHIN_MS);
    if (left === 0) return;
    this.#options.recorder.auditLost(left);
    this.#options.log.error({ lines: left }, 'audit lines lost at the end: nobody took them in time');
  }

  #write(event: AuditEvent): void {
    this.#options.recorder.auditRecorded(event.event);
    this.#tellLoss();
    if (this.#loss !== undefined || !this.#append(event)) this.#lose(1);
  }

  /** A line that cannot be made is one that is lost: nobody who records something is to fail over it. */
  #append(event: AuditEvent): boolean {
    const { clock, pod } = this.#options;
    try {
      return this.#sink.write(auditLineOf(event, { pod, at: clock.wallTime() }));
    } catch {
      return false;
    }
  }

  #lose(count: number): void {
    const { clock, recorder } = this.#options;
    recorder.auditLost(count);
    const now = clock.wallTime();
    const { count: before, since } = this.#loss ?? { count: 0, since: now };
    this.#loss = { count: before + count, since, until: now };
  }

  #tellLoss(): void {
    const loss = this.#loss;
    if (loss === undefined) return;
    const { count, since, until } = loss;
    const times = { since: new Date(since).toISOString(), until: new Date(until).toISOString() };
    if (!this.#append({ event: 'audit_lost', count, ...times })) return;
    this.#loss = undefined;
    this.#options.recorder.auditRecorded('audit_lost');
  }
}
