// Expiry: the state machine that decides when an agent ends. Pure: no timers, no files; times are passed in.
//
//   waiting --login--> attended --last leaves with a goodbye, no hold--> ended
//                        ^   |
//                      login |last leaves with a goodbye, a hold
//                        |   v
//                        +-held --the last hold is let go--> ended
//                        |   |
//                      login |(attended:) last is lost, or was never served
//                        |   v
//                        +-deserted
//   every state but ended: --deadline passed / end asked for--> ended
//
// A client that was lost has not left: somebody closed a lid, and finds the job still there later. A client that was never
// served (a port check, a login that got no shell) counts as if it had not come: what the one before it said still holds. So
// `attended` remembers how the last served client went.
//
// While the job itself still runs (an agent in its background) only the last deadline ends it, or somebody's word:
//   attended --last leaves with a goodbye, nothing holds--> waiting;  held --no more--> waiting
//   waiting --the job is done--> waiting, for as long as it lingers --> ended
// Whoever is in, was lost or holds when the job is done has the timeout from then on.
//
// What holds is the hold file, or where that cannot be written, the agent's memory.
//
// Deadline = latest of (start, last activity of a logged-in client, time of what holds while it does)
//            + timeout, and never past start + max lifetime, nor past what a relay leaves to the agent.
// All times are milliseconds on the Clock: deadlines are durations, and nobody can set them by setting the machine's
// clock.
import type { EndReason } from './end-reason.ts';

/** How long an agent may stay, in milliseconds. */
export interface ExpiryLimits {
  readonly timeoutMs: number;
  readonly maxLifetimeMs: number;
}

/** What the deadline is made of. */
interface Facts {
  readonly limits: ExpiryLimits;
  readonly startedAt: number;
  /** Only logged-in clients move it: a stranger who knocks cannot keep a build agent busy. */
  readonly lastActivityAt: number;
  /** The time of the hold file; undefined while there is none that holds. */
  readonly heldAt: number | undefined;
  /** The time of a hold that only the agent knows of; undefined while there is none. */
  readonly heldInMemoryAt: number | undefined;
  /** When the time is over that the relay gives; undefined where it sets no limit. */
  readonly relayEndsAt: number | undefined;
  readonly job: Job;
  /** The most urgent warning level that the current approach of the deadline has reached. */
  readonly warned: WarningLevel | undefined;
}

/** The job around the agent. */
type Job =
  /** It does nothing else than wait for the agent's end. */
  | { readonly kind: 'waits' }
  /** The agent is in its background, and it is not done. */
  | { readonly kind: 'running' }
  /** It is done, and waits until then for somebody to come. */
  | { readonly kind: 'lingers'; readonly until: number };

/** How the last served client went: none has gone since the state was `waiting`, with a goodbye, or without one. */
type LastGone = 'nobody' | 'left' | 'lost';

export type ExpiryState =
  /** Nobody has logged in yet. */
  | (Facts & { readonly kind: 'waiting' })
  /** `clients` (1 or more) are logged in; a detached client that may resume counts. */
  | (Facts & {
      readonly kind: 'attended';
      readonly clients: number;
      readonly lastGone: LastGone;
    })
  /** Everybody left; a hold keeps the agent. */
  | (Facts & { readonly kind: 'held' })
  /** Everybody is gone, and nobody said that they were done: they may come back until the deadline. */
  | (Facts & { readonly kind: 'deserted' })
  | { readonly kind: 'ended'; readonly reason: EndReason; readonly at: number };

export type LiveState = Exclude<ExpiryState, { kind: 'ended' }>;

/** What a look at the hold file found. */
export type HoldReading =
  | { readonly kind: 'present'; readonly heldAt: number }
  | { readonly kind: 'gone' }
  /** It is there and holds nothing: it is older than the agent, or was let go and could not be removed. */
  | { readonly kind: 'ignored'; readonly why: 'old' | 'released' }
  /** The file could not be looked at (an errno name): what was known before stands. */
  | { readonly kind: 'unreadable'; readonly code: string };

/** What keeps the agent when everybody has left. */
export type HeldBy = 'file' | 'memory';

/** What the deadline is counted from, or what cuts it. */
export const DEADLINE_CAUSES = ['start', 'activity', 'hold', 'max_lifetime', 'relay_lifetime'] as const;
export type DeadlineCause = (typeof DEADLINE_CAUSES)[number];

/** How long before the deadline people are warned, most urgent last. */
export const WARNING_LEVELS_MS = [300_000, 60_000, 10_000] as const;
export type WarningLevel = (typeof WARNING_LEVELS_MS)[number];

/** The state of an agent that starts at `now`; `isJobRunning`: in the background of a job. */
export function start(limits: ExpiryLimits, now: number, isJobRunning = false): LiveState {
  return {
    kind: 'waiting',
    limits,
    startedAt: now,
    lastActivityAt: now,
    heldAt: undefined,
    heldInMemoryAt: undefined,
    relayEndsAt: undefined,
    job: { kind: isJobRunning ? 'running' : 'waits' },
    warned: undefined,
  };
}

/** A relay has said how long it lets the agent live: until then, or with undefined as long as it likes. */
export function relayLimited(state: ExpiryState, relayEndsAt: number | undefined): ExpiryState {
  return state.kind === 'ended' ? state : { ...state, relayEndsAt };
}

/**
 * The job around a background agent is done: it ends when nobody is in and nothing holds, `lingerMs` later if nobody comes until
 * then. A client that was lost counts as in.
 */
export function jobDone(state: ExpiryState, lingerMs: number, now: number): ExpiryState {
  if (state.kind === 'ended' || state.job.kind !== 'running') return state;
  const isHeld = heldBy(state) !== undefined;
  const isDeserted = state.kind === 'waiting' && !isHeld;
  if (isDeserted && lingerMs === 0) return ended('job_done', now);
  if (isDeserted) return { ...state, job: { kind: 'lingers', until: now + lingerMs } };
  const job = { kind: 'waits' } as const;
  const done = { ...state, job, lastActivityAt: Math.max(now, state.lastActivityAt) };
  return done.kind === 'waiting' && isHeld ? { ...done, kind: 'held' } : done;
}

/** A client has authenticated. It counts as activity. */
export function clientLoggedIn(state: ExpiryState, now: number): ExpiryState {
  if (state.kind === 'ended') return state;
  return {
    ...state,
    kind: 'attended',
    clients: clientCount(state) + 1,
    lastGone: lastGoneBefore(state),
    lastActivityAt: Math.max(now, state.lastActivityAt),
  };
}

/** A client that had been served said goodbye. */
export function clientLeft(state: ExpiryState, now: number): ExpiryState {
  return state.kind === 'attended' ? oneLess({ ...state, lastGone: 'left' }, now) : state;
}

/** A client that had been served is gone for good without a goodbye. */
export function clientLost(state: ExpiryState, now: number): ExpiryState {
  return state.kind === 'attended' ? oneLess({ ...state, lastGone: 'lost' }, now) : state;
}

/** A client is gone, with or without a goodbye, for which nothing had ever run. */
export function clientPassedBy(state: ExpiryState, now: number): ExpiryState {
  return state.kind === 'attended' ? oneLess(state, now) : state;
}

/** A client did something: keys, a transfer, forwarded bytes. Without a logged-in client it counts for nothing. */
export function activity(state: ExpiryState, now: number): ExpiryState {
  if (state.kind !== 'attended') return state;
  return { ...state, lastActivityAt: Math.max(now, state.lastActivityAt) };
}

/** The hold file was looked at. */
export function holdSeen(state: ExpiryState, reading: HoldReading, now: number): ExpiryState {
  if (state.kind === 'ended' || reading.kind === 'unreadable') return state;
  if (reading.kind === 'present') return { ...state, heldAt: reading.heldAt };
  return letGo({ ...state, heldAt: undefined }, 'released', now);
}

/** Somebody holds, and the file cannot be written. It moves no hold to an earlier time. */
export function heldInMemory(state: ExpiryState, heldAt: number): ExpiryState {
  if (state.kind === 'ended') return state;
  return { ...state, heldInMemoryAt: Math.max(heldAt, state.heldInMemoryAt ?? heldAt) };
}

/** What was held in memory is held no more. */
export function releasedInMemory(state: ExpiryState, now: number): ExpiryState {
  return state.kind === 'ended' ? state : letGo({ ...state, heldInMemoryAt: undefined }, 'released', now);
}

/** Time has passed: ends the agent if the deadline was reached, with or without clients. */
export function tick(state: ExpiryState, now: number): ExpiryState {
  if (state.kind === 'ended' || now < deadline(state)) return state;
  if (isCapped(state)) return ended(isRelayFirst(state) ? 'relay_lifetime' : 'max_lifetime', now);
  if (state.kind !== 'waiting') return ended('deadline', now);
  return ended(state.job.kind === 'lingers' ? 'job_done' : 'nobody_came', now);
}

/** Somebody asked for the end. */
export function end(state: ExpiryState, reason: EndReason, now: number): ExpiryState {
  return state.kind === 'ended' ? state : ended(reason, now);
}

/**
 * The warning that is due at `now`, if any, and the state that remembers it. Each level is due once while the
 * deadline comes nearer; a deadline that moves out beyond a level arms it again. Where several were passed
 * at once, only the most urgent is due. Levels that are not below the timeout are never due: they would come at the start.
 */
export function takeWarning(
  state: LiveState,
  now: number,
): { readonly state: LiveState; readonly due: WarningLevel | undefined } {
  const level = warningLevelAt(state, now);
  if (level === state.warned) return { state, due: undefined };
  const isNearer = level !== undefined && (state.warned === undefined || level < state.warned);
  return { state: { ...state, warned: level }, due: isNearer ? level : undefined };
}

/** When the agent ends if nothing else happens. */
export function deadline(state: LiveState): number {
  return Math.min(uncappedDeadline(state), lastDeadline(state));
}

/** Milliseconds until the deadline, 0 once it is reached. */
export function remaining(state: LiveState, now: number): number {
  return Math.max(0, deadline(state) - now);
}

/** The latest deadline that anything can reach: start + max lifetime, or the end of the relay's time. */
export function lastDeadline(state: LiveState): number {
  return Math.min(ownLastDeadline(state), state.relayEndsAt ?? Number.POSITIVE_INFINITY);
}

/** True if the relay's time is over before the max lifetime. */
export function isRelayFirst(state: LiveState): boolean {
  return lastDeadline(state) < ownLastDeadline(state);
}

/** True if only the last deadline keeps the deadline from being later. */
export function isCapped(state: LiveState): boolean {
  return uncappedDeadline(state) > lastDeadline(state);
}

/** What holds; the file, if both do. */
export function heldBy({ heldAt, heldInMemoryAt }: LiveState): HeldBy | undefined {
  if (heldAt !== undefined) return 'file';
  return heldInMemoryAt === undefined ? undefined : 'memory';
}

/** The time of what holds, the later of the two; undefined if nothing does. */
export function heldFrom({ heldAt, heldInMemoryAt }: LiveState): number | undefined {
  if (heldAt === undefined || heldInMemoryAt === undefined) return heldAt ?? heldInMemoryAt;
  return Math.max(heldAt, heldInMemoryAt);
}

/** Why the deadline is when it is. */
export function deadlineCause(state: LiveState): DeadlineCause {
  if (isCapped(state)) return isRelayFirst(state) ? 'relay_lifetime' : 'max_lifetime';
  const { startedAt, lastActivityAt } = state;
  if ((heldFrom(state) ?? startedAt) > Math.max(startedAt, lastActivityAt)) return 'hold';
  // The start is the first activity, until somebody has come.
  return lastActivityAt > startedAt ? 'activity' : 'start';
}

/** When to look again: the next warning or the deadline, whichever is first; never before `now`. */
export function nextWakeup(state: LiveState, now: number): number {
  const end = deadline(state);
  const warnings = levelsOf(state).map((level) => end - level);
  return Math.max(now, Math.min(end, ...warnings.filter((at) => at > now)));
}

/** Logged-in clients, the detached ones included. */
export function clientCount(state: ExpiryState): number {
  return state.kind === 'attended' ? state.clients : 0;
}

function lastGoneBefore(state: LiveState): LastGone {
  switch (state.kind) {
    case 'waiting':
      return 'nobody';
    case 'held':
      return 'left';
    case 'deserted':
      return 'lost';
    case 'attended':
      return state.lastGone;
  }
}

function oneLess(state: ExpiryState & { kind: 'attended' }, now: number): ExpiryState {
  if (state.clients > 1) return { ...state, clients: state.clients - 1 };
  const { clients: _clients, lastGone, ...facts } = state;
  switch (lastGone) {
    case 'nobody':
      return { ...facts, kind: facts.job.kind === 'waits' ? 'deserted' : 'waiting' };
    case 'lost':
      return { ...facts, kind: 'deserted' };
    case 'left':
      return letGo({ ...facts, kind: 'held' }, 'client_left', now);
  }
}

/** Where everybody had left and nothing holds any more: the end, for that reason, unless the job itself still runs. */
function letGo(state: LiveState, reason: 'client_left' | 'released', now: number): ExpiryState {
  if (state.kind !== 'held' || heldBy(state) !== undefined) return state;
  return state.job.kind === 'running' ? { ...state, kind: 'waiting' } : ended(reason, now);
}

function ended(reason: EndReason, at: number): ExpiryState {
  return { kind: 'ended', reason, at };
}

function ownLastDeadline({ startedAt, limits }: LiveState): number {
  return startedAt + limits.maxLifetimeMs;
}

function uncappedDeadline(state: LiveState): number {
  if (state.job.kind === 'running') return Number.POSITIVE_INFINITY;
  if (state.kind === 'waiting' && state.job.kind === 'lingers') {
    return Math.max(state.job.until, (heldFrom(state) ?? Number.NEGATIVE_INFINITY) + state.limits.timeoutMs);
  }
  const held = heldFrom(state) ?? state.startedAt;
  return Math.max(state.startedAt, state.lastActivityAt, held) + state.limits.timeoutMs;
}

function levelsOf(state: LiveState): WarningLevel[] {
  return WARNING_LEVELS_MS.filter((level) => level < state.limits.timeoutMs);
}

function warningLevelAt(state: LiveState, now: number): WarningLevel | undefined {
  const left = deadline(state) - now;
  return levelsOf(state).findLast((level) => left <= level);
}
