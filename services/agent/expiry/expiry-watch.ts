// The expiry watch: drives the expiry machine with a clock and the hold file of a running agent.
import { faultText } from '#shared/text/fault-text.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { EndReason } from './end-reason.ts';
import * as expiry from './expiry.ts';
import { type ExpirySnapshot, snapshotAtEnd, snapshotOf } from './expiry-snapshot.ts';
import { type HoldFile, HoldSight, readHoldFile, removeHoldFile, writeHoldFile } from './hold-file.ts';

/** How often the hold file is looked at: `touch .hold` should be felt at once, and one stat costs nothing. */
export const HOLD_POLL_INTERVAL_MS = 1_000;

/**
 * A deadline that moved by less is not reported. Every key press moves it; whoever listens may send it over
 * a network.
 */
export const DEADLINE_REPORT_STEP_MS = 10_000;

export interface ExpiryWatchOptions extends expiry.ExpiryLimits {
  readonly clock: Clock;
  /** Path of the hold file. */
  readonly holdFile: string;
  /** The agent is in the background of a job; `jobDone` says when that is over. */
  readonly isJobRunning?: boolean;
}

/** Who hears what happens. */
export interface ExpiryListener {
  /** The deadline is near: called once per level and approach. */
  onWarning(level: expiry.WarningLevel, remainingMs: number): void;
  /** Called once, last of all calls. Not called after `stop`. */
  onEnd(reason: EndReason): void;
  /** A hold came or went. `onDeadlineMoved` follows. */
  onHoldChanged(snapshot: ExpirySnapshot): void;
  /** The deadline or the hold changed notably; a step of the machine's clock changes neither. */
  onDeadlineMoved(snapshot: ExpirySnapshot): void;
  /** The hold file cannot be looked at (an errno name); called once per change of the code. */
  onHoldUnreadable?(code: string): void;
  /** There is a hold file that is older than the agent, and holds nothing; called once per file time. */
  onHoldOld?(): void;
}

const NOTHING_TO_CANCEL: Cancel = () => {};

/** What came of a hold. */
export type HoldOutcome =
  | { readonly kind: 'held'; readonly expiry: ExpirySnapshot }
  /** It was held for longer already, and stays so. */
  | { readonly kind: 'kept'; readonly expiry: ExpirySnapshot }
  /** Held, and only the agent knows: the file cannot be written, for this reason. */
  | { readonly kind: 'in_memory'; readonly expiry: ExpirySnapshot; readonly fault: string }
  /** The agent has ended. */
  | { readonly kind: 'ended' };

/** What came of a release. */
export type ReleaseOutcome =
  | { readonly kind: 'released' }
  | { readonly kind: 'not_held' }
  /** Let go, but the file cannot be removed, for this reason; it holds no more until somebody touches it. */
  | { readonly kind: 'file_stays'; readonly fault: string };

export interface ExpiryWatch {
  /**
   * Looks at the hold file before anybody can have made it for this agent: what is old then is a leftover. Without this the first
   * look is that of `start`.
   */
  lookFirst(): void;
  /** Looks at the hold file and at the time from now on. To be called once. */
  start(listener: ExpiryListener): void;
  clientLoggedIn(): void;
  /**
   * A client that had been served said goodbye. Looks at the hold file first, so that `touch .hold; exit` holds. Resolves
   * when the client is no longer counted.
   */
  clientLeft(): Promise<void>;
  /** A client that had been served is gone without a goodbye. */
  clientLost(): void;
  /** A client is gone for which nothing had ever run. Looks at the hold file first, too; resolves as `clientLeft`. */
  clientPassedBy(): Promise<void>;
  /** Cheap enough to be called for every packet. */
  activity(): void;
  /** A relay lets the agent live this much longer, in milliseconds; 0: it sets no limit. The newest word counts. */
  relayLeaves(lifetimeMs: number): void;
  /** Ends now, with this reason. */
  end(reason: EndReason): void;
  /**
   * The job is done; looks at the hold file first. Ends when nobody is in and nothing holds, `lingerMs` milliseconds later if
   * nobody has come by then. Resolves when that is decided. Does nothing where no job runs.
   */
  jobDone(lingerMs: number): Promise<void>;
  /**
   * Holds so that the deadline is `durationMs` from now or later: by the hold file, or where that cannot be written in memory. A
   * hold that is longer stays as it is. Never rejects.
   */
  hold(durationMs: number): Promise<HoldOutcome>;
  /** Lets go of whatever holds. Never rejects. */
  release(): Promise<ReleaseOutcome>;
  /**
   * After the end: removes the hold file if `hold` was the last to touch it: one with a future time would hold the next agent in this
   * directory. Waits for a `hold` that is under way, and for the file system. Never rejects.
   */
  tidy(): Promise<void>;
  /** Undefined once the agent has ended. */
  snapshot(): ExpirySnapshot | undefined;
  /** As `snapshot`; once the agent has ended: nobody is here, and no time is left. */
  snapshotOrEnd(): ExpirySnapshot;
  /** May be called twice. */
  stop(): void;
}

/** `made` until it is started; `watching` holds the timers that stand. */
type Run =
  | { readonly kind: 'made' }
  | {
      readonly kind: 'watching';
      readonly listener: ExpiryListener;
      cancelWakeup: Cancel;
      cancelPoll: Cancel;
    }
  | { readonly kind: 'stopped' };

/** Looks at nothing before its start; the time of the agent's life begins now. */
export function createExpiryWatch(options: ExpiryWatchOptions): ExpiryWatch {
  return new WatchedExpiry(options);
}

class WatchedExpiry implements ExpiryWatch {
  readonly #options: ExpiryWatchOptions;
  readonly #clock: Clock;
  readonly #sight: HoldSight;
  /** The time of the hold file that `hold` has written, as its file system keeps it; in milliseconds since the epoch. */
  #ownHold: number | undefined;
  #state: expiry.ExpiryState;
  #run: Run = { kind: 'made' };
  #reported: { readonly deadline: number; readonly heldBy: expiry.HeldBy | undefined };
  /** Why the hold file could not be looked at, or did not hold, as it was told the last time. */
  #told: string | undefined;
  /** One at a time looks at the hold file or changes it: an old answer that overtakes a newer one would end a held agent. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ExpiryWatchOptions) {
    const { clock } = options;
    const state = expiry.start(options, clock.now(), options.isJobRunning);
    this.#options = options;
    this.#clock = clock;
    this.#state = state;
    this.#sight = new HoldSight({ clock, startedAt: state.startedAt, latest: expiry.lastDeadline(state) });
    this.#reported = { deadline: expiry.deadline(state), heldBy: undefined };
  }

  lookFirst(): void {
    void this.#look();
  }

  start(listener: ExpiryListener): void {
    this.#run = {
      kind: 'watching',
      listener,
      cancelWakeup: NOTHING_TO_CANCEL,
      cancelPoll: NOTHING_TO_CANCEL,
    };
    if (this.#state.kind !== 'ended') this.#scheduleWakeup(this.#state);
    this.#poll();
  }

  clientLoggedIn(): void {
    this.#apply(expiry.clientLoggedIn(this.#state, this.#clock.now()));
  }

  clientLeft(): Promise<void> {
    return this.#look().finally(() => this.#apply(expiry.clientLeft(this.#state, this.#clock.now())));
  }

  clientLost(): void {
    this.#apply(expiry.clientLost(this.#state, this.#clock.now()));
  }

  clientPassedBy(): Promise<void> {
    return this.#look().finally(() => this.#apply(expiry.clientPassedBy(this.#state, this.#clock.now())));
  }

  activity(): void {
    // Activity only moves the wake-up out, so the timer that stands may fire early and look again.
    this.#state = expiry.activity(this.#state, this.#clock.now());
  }

  relayLeaves(lifetimeMs: number): void {
    const endsAt = lifetimeMs === 0 ? undefined : this.#clock.now() + lifetimeMs;
    this.#apply(expiry.relayLimited(this.#state, endsAt));
  }

  end(reason: EndReason): void {
    this.#apply(expiry.end(this.#state, reason, this.#clock.now()));
  }

  jobDone(lingerMs: number): Promise<void> {
    return this.#look().finally(() => this.#apply(expiry.jobDone(this.#state, lingerMs, this.#clock.now())));
  }

  hold(durationMs: number): Promise<HoldOutcome> {
    return this.#inTurn(async () => {
      await this.#lookNow();
      // One that came later would outlive `tidy`.
      if (this.#state.kind === 'ended' || this.#run.kind === 'stopped') return { kind: 'ended' };
      const now = this.#clock.now();
      const { timeoutMs, holdFile } = this.#options;
      // An older time would be a leftover's, and say no more than this.
      const wanted = Math.max(now + durationMs - timeoutMs, this.#state.startedAt);
      const heldFrom = expiry.heldFrom(this.#state);
      if (heldFrom !== undefined && heldFrom > wanted) return this.#withExpiry({ kind: 'kept' });
      try {
        await writeHoldFile(holdFile, this.#clock.wallTime() + wanted - now);
      } catch (error) {
        this.#apply(expiry.heldInMemory(this.#state, wanted));
        return this.#withExpiry({ kind: 'in_memory', fault: faultText(error) });
      }
      this.#sight.forget();
      const file = await this.#lookNow();
      this.#ownHold = file.kind === 'present' ? file.mtimeMs : undefined;
      return this.#withExpiry({ kind: 'held' });
    });
  }

  tidy(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#ownHold === undefined) return;
      const file = await readHoldFile(this.#options.holdFile);
      if (file.kind === 'present' && file.mtimeMs === this.#ownHold) await this.#removeFile();
    });
  }

  release(): Promise<ReleaseOutcome> {
    return this.#inTurn(async () => {
      await this.#lookNow();
      const state = this.#state;
      if (state.kind === 'ended' || expiry.heldBy(state) === undefined) return { kind: 'not_held' };
      const fault = state.heldAt === undefined ? undefined : await this.#removeFile();
      await this.#lookNow();
      this.#apply(expiry.releasedInMemory(this.#state, this.#clock.now()));
      return fault === undefined ? { kind: 'released' } : { kind: 'file_stays', fault };
    });
  }

  snapshot(): ExpirySnapshot | undefined {
    return this.#state.kind === 'ended' ? undefined : snapshotOf(this.#state, this.#clock);
  }

  snapshotOrEnd(): ExpirySnapshot {
    return this.snapshot() ?? snapshotAtEnd(this.#clock.wallTime());
  }

  stop(): void {
    if (this.#run.kind === 'watching') {
      this.#run.cancelWakeup();
      this.#run.cancelPoll();
    }
    this.#run = { kind: 'stopped' };
  }

  #apply(next: expiry.ExpiryState): void {
    if (this.#run.kind !== 'watching') return;
    const { listener } = this.#run;
    const state = expiry.tick(next, this.#clock.now());
    this.#state = state;
    if (state.kind === 'ended') {
      this.stop();
      listener.onEnd(state.reason);
      return;
    }
    const warning = expiry.takeWarning(state, this.#clock.now());
    this.#state = warning.state;
    this.#report(warning.state, listener);
    this.#scheduleWakeup(warning.state);
    if (warning.due !== undefined) {
      listener.onWarning(warning.due, expiry.remaining(warning.state, this.#clock.now()));
    }
  }

  #report(live: expiry.LiveState, listener: ExpiryListener): void {
    const now = { deadline: expiry.deadline(live), heldBy: expiry.heldBy(live) };
    const movedMs = Math.abs(now.deadline - this.#reported.deadline);
    const hasHoldChanged = now.heldBy !== this.#reported.heldBy;
    if (movedMs < DEADLINE_REPORT_STEP_MS && !hasHoldChanged) return;
    this.#reported = now;
    const snapshot = snapshotOf(live, this.#clock);
    if (hasHoldChanged) listener.onHoldChanged(snapshot);
    listener.onDeadlineMoved(snapshot);
  }

  #scheduleWakeup(live: expiry.LiveState): void {
    if (this.#run.kind !== 'watching') return;
    this.#run.cancelWakeup();
    const now = this.#clock.now();
    this.#run.cancelWakeup = this.#clock.after(expiry.nextWakeup(live, now) - now, () =>
      this.#apply(this.#state),
    );
  }

  #withExpiry(outcome: { kind: 'held' | 'kept' } | { kind: 'in_memory'; fault: string }): HoldOutcome {
    const snapshot = this.snapshot();
    return snapshot === undefined ? { kind: 'ended' } : { ...outcome, expiry: snapshot };
  }

  /** Undefined if it is gone now. */
  async #removeFile(): Promise<string | undefined> {
    try {
      await removeHoldFile(this.#options.holdFile);
      return undefined;
    } catch (error) {
      this.#sight.disregard();
      return faultText(error);
    }
  }

  async #look(): Promise<void> {
    await this.#inTurn(() => this.#lookNow());
  }

  /** Only in turn. */
  async #lookNow(): Promise<HoldFile> {
    const file = await readHoldFile(this.#options.holdFile);
    const reading = this.#sight.readingOf(file);
    this.#tellOf(reading);
    this.#apply(expiry.holdSeen(this.#state, reading, this.#clock.now()));
    return file;
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work, work);
    this.#turn = result;
    return result;
  }

  /** Says once what keeps the file from being read, or from holding. */
  #tellOf(reading: expiry.HoldReading): void {
    if (this.#run.kind !== 'watching') return;
    const { listener } = this.#run;
    const trouble =
      reading.kind === 'unreadable' ? reading.code : reading.kind === 'ignored' ? reading.why : undefined;
    const isNew = trouble !== undefined && trouble !== this.#told;
    this.#told = trouble;
    if (!isNew) return;
    if (reading.kind === 'unreadable') listener.onHoldUnreadable?.(reading.code);
    if (reading.kind === 'ignored' && reading.why === 'old') listener.onHoldOld?.();
  }

  #poll(): void {
    // The next look is timed from the end of this one: a file system that hangs is not asked twice.
    void this.#look().finally(() => {
      if (this.#run.kind !== 'watching') return;
      this.#run.cancelPoll = this.#clock.after(HOLD_POLL_INTERVAL_MS, () => this.#poll());
    });
  }
}
