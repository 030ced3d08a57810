// The expiry watch: drives the expiry machine with a clock and the hold file of a running agent.
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { EndReason } from './end-reason.ts';
import * as expiry from './expiry.ts';
import { HoldSight, mtimeForHold, readHoldFile, removeHoldFile, writeHoldFile } from './hold-file.ts';

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
}

/** Who hears what happens. */
export interface ExpiryListener {
  /** The deadline is near: called once per level and approach. */
  onWarning(level: expiry.WarningLevel, remainingMs: number): void;
  /** Called once, last of all calls. Not called after `stop`. */
  onEnd(reason: EndReason): void;
  /** The hold file came or went. `onDeadlineMoved` follows. */
  onHoldChanged(snapshot: ExpirySnapshot): void;
  /** The deadline or the hold changed notably; a step of the machine's clock changes neither. */
  onDeadlineMoved(snapshot: ExpirySnapshot): void;
  /** The hold file cannot be looked at (an errno name); called once per change of the code. */
  onHoldUnreadable?(code: string): void;
}

const NOTHING_TO_CANCEL: Cancel = () => {};

/** The expiry at one moment, in wall times of that moment: to be shown, not to be kept. */
export interface ExpirySnapshot {
  readonly clients: number;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly remainingMs: number;
  /** The latest that anything can move the deadline to, in milliseconds since the epoch. */
  readonly lastDeadline: number;
  readonly isHeld: boolean;
  /** True if only the max lifetime keeps the deadline from being later. */
  readonly isCapped: boolean;
}

export interface ExpiryWatch {
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
  /** Ends now, with this reason. */
  end(reason: EndReason): void;
  /**
   * Moves the hold file so that the deadline is `durationMs` from now or later. Resolves to what came of it,
   * undefined if the agent has ended; throws what the file system says.
   */
  hold(durationMs: number): Promise<ExpirySnapshot | undefined>;
  /** Removes the hold file; false if there was none; throws what the file system says. */
  release(): Promise<boolean>;
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
  const { clock, holdFile } = options;
  let state: expiry.ExpiryState = expiry.start(options, clock.now());
  let run: Run = { kind: 'made' };
  const sight = new HoldSight(clock, expiry.lastDeadline(state));
  let reported = { deadline: expiry.deadline(state), isHeld: false };
  let unreadable: string | undefined;
  // One look at a time: an old answer that overtakes a newer one would end a held agent.
  let looks: Promise<void> = Promise.resolve();

  function apply(next: expiry.ExpiryState): void {
    if (run.kind !== 'watching') return;
    const { listener } = run;
    state = expiry.tick(next, clock.now());
    if (state.kind === 'ended') {
      stop();
      listener.onEnd(state.reason);
      return;
    }
    const warning = expiry.takeWarning(state, clock.now());
    state = warning.state;
    report(state, listener);
    scheduleWakeup(state);
    if (warning.due !== undefined) listener.onWarning(warning.due, expiry.remaining(state, clock.now()));
  }

  function report(live: expiry.LiveState, listener: ExpiryListener): void {
    const now = { deadline: expiry.deadline(live), isHeld: live.heldAt !== undefined };
    const movedMs = Math.abs(now.deadline - reported.deadline);
    const hasHoldChanged = now.isHeld !== reported.isHeld;
    if (movedMs < DEADLINE_REPORT_STEP_MS && !hasHoldChanged) return;
    reported = now;
    const snapshot = snapshotOf(live);
    if (hasHoldChanged) listener.onHoldChanged(snapshot);
    listener.onDeadlineMoved(snapshot);
  }

  function scheduleWakeup(live: expiry.LiveState): void {
    if (run.kind !== 'watching') return;
    run.cancelWakeup();
    const now = clock.now();
    run.cancelWakeup = clock.after(expiry.nextWakeup(live, now) - now, () => apply(state));
  }

  function snapshotOf(live: expiry.LiveState): ExpirySnapshot {
    const toWall = clock.wallTime() - clock.now();
    return {
      clients: expiry.clientCount(live),
      deadline: expiry.deadline(live) + toWall,
      remainingMs: expiry.remaining(live, clock.now()),
      lastDeadline: expiry.lastDeadline(live) + toWall,
      isHeld: live.heldAt !== undefined,
      isCapped: expiry.isCapped(live),
    };
  }

  function snapshot(): ExpirySnapshot | undefined {
    return state.kind === 'ended' ? undefined : snapshotOf(state);
  }

  function snapshotOrEnd(): ExpirySnapshot {
    const now = clock.wallTime();
    const over = { deadline: now, lastDeadline: now, remainingMs: 0, isHeld: false, isCapped: true };
    return snapshot() ?? { clients: 0, ...over };
  }

  function look(): Promise<void> {
    looks = looks.then(async () => {
      const file = await readHoldFile(holdFile);
      const code = file.kind === 'unreadable' ? file.code : undefined;
      const isNew = code !== undefined && code !== unreadable;
      if (isNew && run.kind === 'watching') run.listener.onHoldUnreadable?.(code);
      unreadable = code;
      apply(expiry.holdSeen(state, sight.readingOf(file), clock.now()));
    });
    return looks;
  }

  function poll(): void {
    // The next look is timed from the end of this one: a file system that hangs is not asked twice.
    void look().finally(() => {
      if (run.kind === 'watching') run.cancelPoll = clock.after(HOLD_POLL_INTERVAL_MS, poll);
    });
  }

  function stop(): void {
    if (run.kind === 'watching') {
      run.cancelWakeup();
      run.cancelPoll();
    }
    run = { kind: 'stopped' };
  }

  return {
    start(listener) {
      run = { kind: 'watching', listener, cancelWakeup: NOTHING_TO_CANCEL, cancelPoll: NOTHING_TO_CANCEL };
      if (state.kind !== 'ended') scheduleWakeup(state);
      poll();
    },
    clientLoggedIn: () => apply(expiry.clientLoggedIn(state, clock.now())),
    clientLeft: () => look().finally(() => apply(expiry.clientLeft(state, clock.now()))),
    clientLost: () => apply(expiry.clientLost(state, clock.now())),
    clientPassedBy: () => look().finally(() => apply(expiry.clientPassedBy(state, clock.now()))),
    activity() {
      // Activity only moves the wake-up out, so the timer that stands may fire early and look again.
      state = expiry.activity(state, clock.now());
    },
    end: (reason) => apply(expiry.end(state, reason, clock.now())),
    async hold(durationMs) {
      await writeHoldFile(holdFile, mtimeForHold(durationMs, options.timeoutMs, clock.wallTime()));
      await look();
      return snapshot();
    },
    async release() {
      const existed = await removeHoldFile(holdFile);
      await look();
      return existed;
    },
    snapshot,
    snapshotOrEnd,
    stop,
  };
}
