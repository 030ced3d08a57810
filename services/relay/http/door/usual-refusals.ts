// Refusals that several routes have in common, so that each is worded once.
import { ID_RULE } from '#shared/protocol/paths.ts';
import { Refused } from './refusal.ts';

/** More of an ID than this is not repeated in the log, in characters. A valid one has 128 at most. */
const MAX_SHOWN_ID_CHARACTERS = 160;

/** Refuses `id`, which is not a valid ID. */
export function refusedId(id: string, message = `an ID is ${ID_RULE}`): Refused {
  return new Refused('invalid_id', message, { fields: { id: id.slice(0, MAX_SHOWN_ID_CHARACTERS) } });
}

/** This relay was asked to leave; another one may say something else. */
export function refusedLeaving(fields: Readonly<Record<string, unknown>> = {}): Refused {
  return new Refused('draining', 'this relay is going away: try again now', { fields });
}
