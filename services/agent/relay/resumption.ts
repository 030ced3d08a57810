// What the relay's metrics should know of a session that lost its transport.
import type { Resumption } from '#shared/protocol/control-messages.ts';
import type { ResumeEvent } from '#shared/resume/resume-events.ts';

/** The message for the relay; undefined for what says nothing of sessions that came back or did not. */
export function resumptionFrom(event: ResumeEvent): Resumption | undefined {
  switch (event.kind) {
    case 'resumed':
    case 'given_up':
      return { type: 'resumption', outcome: event.kind, afterMs: Math.round(event.afterMs) };
    case 'refused':
      // Any other refusal is of a client that speaks the protocol wrongly.
      if (event.code !== 'unknown_session') return undefined;
      return { type: 'resumption', outcome: 'unknown_session', afterMs: 0 };
    default:
      return undefined;
  }
}
