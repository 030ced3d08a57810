// The state of a connection: who is at its other end, and what ends it. Pure: no stream, no timers.
//
//   open --broken, or to be ended--> ending --its stream is gone--> closed
//   open --the client hangs up--> closed
//   a stranger becomes a client by a login, before or while it ends
import type { Cancel } from '#shared/time/clock.ts';
import type { ClientInfo, LogoutReason } from './ssh-options.ts';

/** Who is at the other end. */
export type Party =
  | {
      readonly kind: 'stranger';
      /** Cancels the end of the time for its login. */
      readonly cancelGrace: Cancel;
    }
  | {
      readonly kind: 'client';
      readonly info: ClientInfo;
      /** Takes it off the attendance. */
      readonly depart: () => void;
      /** A program, sftp or a forward has run. */
      readonly wasServed: boolean;
    };

/** What ended it, when it was not the client's own farewell. */
export type EndCause = Exclude<LogoutReason, 'client_left'>;

/** A connection whose stream is still there. */
export type LiveConnection =
  | { readonly kind: 'open'; readonly party: Party }
  | {
      readonly kind: 'ending';
      readonly party: Party;
      readonly cause: EndCause;
      /** Whether the agent is ending it, whatever else has happened since. */
      readonly isStopping: boolean;
    };

/** A connection's whole life. */
export type ConnectionState = LiveConnection | { readonly kind: 'closed' };

/** The stranger is a client now. Its time for the login is the caller's to cancel. */
export function loggedIn(state: LiveConnection, info: ClientInfo, depart: () => void): LiveConnection {
  return { ...state, party: { kind: 'client', info, depart, wasServed: false } };
}

/** Something has run for the client. */
export function served(state: ConnectionState): ConnectionState {
  if (state.kind === 'closed' || state.party.kind === 'stranger') return state;
  return { ...state, party: { ...state.party, wasServed: true } };
}

/** Something has happened to it. If something else was ending it already, that stays the cause. */
export function broken(state: LiveConnection, cause: 'lost' | 'fault'): LiveConnection {
  return state.kind === 'open' ? { kind: 'ending', party: state.party, cause, isStopping: false } : state;
}

/** This side has decided to end it. That is the cause now, whatever has happened before. */
export function ended(state: LiveConnection, cause: 'stopped' | 'fault'): LiveConnection {
  return { kind: 'ending', party: state.party, cause, isStopping: cause === 'stopped' || isStopping(state) };
}

/** Whether the agent is ending it: its session channels get a moment to close. */
export function isStopping(state: ConnectionState): boolean {
  return state.kind === 'ending' && state.isStopping;
}

/**
 * How a client left whose stream is gone. `isEndedHere`: this side has ended the stream; ssh2 does so at a DISCONNECT by
 * application, and reports it in no other way. `isLost` is asked only where nothing else says it.
 */
export function logoutReasonOf(
  state: LiveConnection,
  isEndedHere: boolean,
  isLost: () => boolean,
): LogoutReason {
  if (state.kind === 'ending' && state.cause !== 'lost') return state.cause;
  if (isEndedHere) return 'client_left';
  return state.kind === 'ending' || isLost() ? 'lost' : 'client_left';
}
