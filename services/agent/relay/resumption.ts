// Resumptions: what the relay's metrics should know of streams that lost their transport.
import type { Resumption } from '#shared/protocol/control-messages.ts';
import type { ResumeEvent } from '#shared/resume/resume-events.ts';

/** The message for the relay, or undefined for events that are about no return. */
export function resumptionFrom(event: ResumeEvent): Resumption | undefined {
  switch (event.kind) {
    case 'resumed':
    case 'given_up':
      return { type: 'resumption', outcome: event.kind, afterMs: Math.round(event.afterMs) };
    case 'refused':
      // Other refusals are for clients that speak the protocol wrongly.
      if (event.code !== 'unknown_session') return undefined;
      return { type: 'resumption', outcome: 'unknown_session', afterMs: 0 };
    default:
      return undefined;
  }
}
