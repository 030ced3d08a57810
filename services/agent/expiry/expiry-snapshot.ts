// The expiry at one moment, in wall times of that moment: to be shown, not to be kept.
import type { Clock } from '#shared/time/clock.ts';
import * as expiry from './expiry.ts';

export interface ExpirySnapshot {
  readonly clients: number;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly remainingMs: number;
  /** The latest that anything can move the deadline to, in milliseconds since the epoch. */
  readonly lastDeadline: number;
  readonly isHeld: boolean;
  /** Undefined if it is not held. */
  readonly heldBy: expiry.HeldBy | undefined;
  /** What the deadline is counted from, or what cuts it. */
  readonly cause: expiry.DeadlineCause;
  /** True if only `lastDeadline` keeps the deadline from being later. */
  readonly isCapped: boolean;
  /** True if `lastDeadline` is the end of the relay's time, and not the longest lifetime. */
  readonly isRelayFirst: boolean;
  /** The agent is in the background of a job that is not done: nobody's leaving ends it. */
  readonly isJobRunning: boolean;
}

/** The expiry of an agent as it is now. */
export function snapshotOf(live: expiry.LiveState, clock: Clock): ExpirySnapshot {
  const toWall = clock.wallTime() - clock.now();
  return {
    clients: expiry.clientCount(live),
    deadline: expiry.deadline(live) + toWall,
    remainingMs: expiry.remaining(live, clock.now()),
    lastDeadline: expiry.lastDeadline(live) + toWall,
    isHeld: expiry.heldBy(live) !== undefined,
    heldBy: expiry.heldBy(live),
    cause: expiry.deadlineCause(live),
    isCapped: expiry.isCapped(live),
    isRelayFirst: expiry.isRelayFirst(live),
    isJobRunning: live.job.kind === 'running',
  };
}

/** That of an agent which has ended: nobody is here, and no time is left. `now` is in milliseconds since the epoch. */
export function snapshotAtEnd(now: number): ExpirySnapshot {
  return {
    clients: 0,
    deadline: now,
    lastDeadline: now,
    remainingMs: 0,
    isHeld: false,
    heldBy: undefined,
    cause: 'max_lifetime',
    isCapped: true,
    isRelayFirst: false,
    isJobRunning: false,
  };
}
