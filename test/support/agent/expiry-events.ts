// What happens to an agent, as events for the expiry machine.
import * as expiry from '../../../services/agent/expiry/expiry.ts';

export const MINUTE = 60_000;
export const START = 1_000_000_000;
export const LIMITS = { timeoutMs: 10 * MINUTE, maxLifetimeMs: 60 * MINUTE };

export type ExpiryEvent =
  | { kind: 'login' }
  | { kind: 'leave' }
  | { kind: 'lose' }
  | { kind: 'pass_by' }
  | { kind: 'activity' }
  | { kind: 'touch'; offsetMs: number }
  | { kind: 'rm' }
  | { kind: 'old' }
  | { kind: 'hold'; offsetMs: number }
  | { kind: 'let_go' }
  | { kind: 'unreadable' }
  | { kind: 'end' }
  | { kind: 'relay'; leavesMs: number | undefined }
  | { kind: 'pass' };

/** Applies `event` at `now`, after the tick that a driver does first. */
export function step(state: expiry.ExpiryState, event: ExpiryEvent, now: number): expiry.ExpiryState {
  const ticked = expiry.tick(state, now);
  switch (event.kind) {
    case 'login':
      return expiry.clientLoggedIn(ticked, now);
    case 'leave':
      return expiry.clientLeft(ticked, now);
    case 'lose':
      return expiry.clientLost(ticked, now);
    case 'pass_by':
      return expiry.clientPassedBy(ticked, now);
    case 'activity':
      return expiry.activity(ticked, now);
    case 'touch':
      return expiry.holdSeen(ticked, { kind: 'present', heldAt: now + event.offsetMs }, now);
    case 'rm':
      return expiry.holdSeen(ticked, { kind: 'gone' }, now);
    case 'old':
      return expiry.holdSeen(ticked, { kind: 'ignored', why: 'old' }, now);
    case 'hold':
      return expiry.heldInMemory(ticked, now + event.offsetMs);
    case 'let_go':
      return expiry.releasedInMemory(ticked, now);
    case 'unreadable':
      return expiry.holdSeen(ticked, { kind: 'unreadable', code: 'EACCES' }, now);
    case 'end':
      return expiry.end(ticked, 'ended_by_user', now);
    case 'relay':
      return expiry.relayLimited(ticked, event.leavesMs === undefined ? undefined : now + event.leavesMs);
    case 'pass':
      return ticked;
  }
}

export const login: ExpiryEvent = { kind: 'login' };
export const leave: ExpiryEvent = { kind: 'leave' };
export const lose: ExpiryEvent = { kind: 'lose' };
export const passBy: ExpiryEvent = { kind: 'pass_by' };
export const activity: ExpiryEvent = { kind: 'activity' };
export const touch: ExpiryEvent = { kind: 'touch', offsetMs: 0 };
export const rm: ExpiryEvent = { kind: 'rm' };
export const old: ExpiryEvent = { kind: 'old' };
export const hold: ExpiryEvent = { kind: 'hold', offsetMs: 0 };
export const letGo: ExpiryEvent = { kind: 'let_go' };
export const pass: ExpiryEvent = { kind: 'pass' };
