// Expiry: the state machine that decides when an agent ends. Pure: no timers, no files; times are passed in.
//
//   waiting --login--> attended --last leaves, no hold file--> ended
//                        ^   |
//                      login |last leaves, hold file
//                        |   v
//                        held --hold file removed--> ended
//   every state but ended: --deadline passed / end asked for--> ended
//
// Deadline = latest of (start, last activity of a logged-in client, mtime of the hold file while it exists)
//            + timeout, and never past start + max lifetime.
import type { EndReason } from './end-reason.ts';

/** How long an agent may stay, in milliseconds. */
export interface ExpiryLimits {
  readonly timeoutMs: number;
  readonly maxLifetimeMs: number;
}

/** What the deadline is made of. Times are milliseconds since the epoch. */
interface Facts {
  readonly limits: ExpiryLimits;
  readonly startedAt: number;
  /** Only logged-in clients move it: a stranger who knocks cannot keep a build agent busy. */
  readonly lastActivityAt: number;
  /** Modification time of the hold file; undefined while there is none. */
  readonly holdMtimeMs: number | undefined;
  /** The most urgent warning level that the current approach of the deadline has reached. */
  readonly warned: WarningLevel | undefined;
}

export type ExpiryState =
  /** Nobody has logged in yet. */
  | (Facts & { readonly kind: 'waiting' })
  /** `clients` (1 or more) are logged in; a detached client that may resume counts. */
  | (Facts & { readonly kind: 'attended'; readonly clients: number })
  /** Everybody left; the hold file keeps the agent. */
  | (Facts & { readonly kind: 'held'; readonly holdMtimeMs: number })
  | { readonly kind: 'ended'; readonly reason: EndReason; readonly at: number };

export type LiveState = Exclude<ExpiryState, { kind: 'ended' }>;

/** What a look at the hold file found. */
export type HoldReading =
  | { readonly kind: 'present'; readonly mtimeMs: number }
  | { readonly kind: 'gone' }
  /** The file could not be looked at (an errno name): what was known before stands. */
  | { readonly kind: 'unreadable'; readonly code: string };

/** How long before the deadline people are warned, most urgent last. */
export const WARNING_LEVELS_MS = [300_000, 60_000, 10_000] as const;
export type WarningLevel = (typeof WARNING_LEVELS_MS)[number];

/** The state of an agent that starts at `now`. */
export function start(limits: ExpiryLimits, now: number): LiveState {
  return {
    kind: 'waiting',
    limits,
    startedAt: now,
    lastActivityAt: now,
    holdMtimeMs: undefined,
    warned: undefined,
  };
}

/** A client has authenticated. It counts as activity. */
export function clientLoggedIn(state: ExpiryState, now: number): ExpiryState {
  if (state.kind === 'ended') return state;
  const clients = state.kind === 'attended' ? state.clients + 1 : 1;
  return {
    ...state,
    kind: 'attended',
    clients,
    lastActivityAt: Math.max(now, state.lastActivityAt),
  };
}

/** A logged-in client is gone for good: disconnected, or detached for longer than the resume window. */
export function clientLeft(state: ExpiryState, now: number): ExpiryState {
  if (state.kind !== 'attended') return state;
  if (state.clients > 1) return { ...state, clients: state.clients - 1 };
  const { clients: _clients, ...facts } = state;
  if (facts.holdMtimeMs === undefined) return ended('client_left', now);
  return { ...facts, kind: 'held', holdMtimeMs: facts.holdMtimeMs };
}

/** A client did something: keys, a transfer, forwarded bytes. Without a logged-in client it counts for nothing. */
export function activity(state: ExpiryState, now: number): ExpiryState {
  if (state.kind !== 'attended') return state;
  return { ...state, lastActivityAt: Math.max(now, state.lastActivityAt) };
}

/** The hold file was looked at. */
export function holdSeen(state: ExpiryState, reading: HoldReading, now: number): ExpiryState {
  if (state.kind === 'ended' || reading.kind === 'unreadable') return state;
  if (reading.kind === 'present') return { ...state, holdMtimeMs: reading.mtimeMs };
  return state.kind === 'held' ? ended('released', now) : { ...state, holdMtimeMs: undefined };
}

/** Time has passed: ends the agent if the deadline was reached, with or without clients. */
export function tick(state: ExpiryState, now: number): ExpiryState {
  if (state.kind === 'ended' || now < deadline(state)) return state;
  if (isCapped(state)) return ended('max_lifetime', now);
  return ended(state.kind === 'waiting' ? 'nobody_came' : 'deadline', now);
}

/** Somebody asked for the end. */
export function end(state: ExpiryState, reason: EndReason, now: number): ExpiryState {
  return state.kind === 'ended' ? state : ended(reason, now);
}

/**
 * The warning that is due at `now`, if any, and the state that remembers it. Each level is due once while the
 * deadline comes nearer; a deadline that moves out beyond a level arms it again. Where several were passed
 * at once, only the most urgent is due. Levels that are not below the timeout are never due: they would greet.
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

/** When the agent ends if nothing else happens, in milliseconds since the epoch. */
export function deadline(state: LiveState): number {
  return Math.min(uncappedDeadline(state), lastDeadline(state));
}

/** Milliseconds until the deadline, 0 once it is reached. */
export function remaining(state: LiveState, now: number): number {
  return Math.max(0, deadline(state) - now);
}

/** The latest deadline that anything can reach: start + max lifetime. */
export function lastDeadline(state: LiveState): number {
  return state.startedAt + state.limits.maxLifetimeMs;
}

/** True if only the max lifetime keeps the deadline from being later. */
export function isCapped(state: LiveState): boolean {
  return uncappedDeadline(state) > lastDeadline(state);
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

function ended(reason: EndReason, at: number): ExpiryState {
  return { kind: 'ended', reason, at };
}

function uncappedDeadline(state: LiveState): number {
  const held = state.holdMtimeMs ?? state.startedAt;
  return Math.max(state.startedAt, state.lastActivityAt, held) + state.limits.timeoutMs;
}

function levelsOf(state: LiveState): WarningLevel[] {
  return WARNING_LEVELS_MS.filter((level) => level < state.limits.timeoutMs);
}

function warningLevelAt(state: LiveState, now: number): WarningLevel | undefined {
  const left = deadline(state) - now;
  return levelsOf(state).findLast((level) => left <= level);
}
