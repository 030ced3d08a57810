// Tickets: what an agent shows to get its stream to the pod where the client waits. Opaque to the agent.
import { parseJson } from '#shared/text/json-record.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { TicketFacts, Tickets } from '../session/needs.ts';
import type { ClusterKey } from './cluster-key.ts';

/**
 * How long a ticket is good, in milliseconds: a little longer than a client waits for its stream (AGENT_DIAL_TIMEOUT_MS).
 */
export const TICKET_LIFE_MS = 15_000;

/**
 * How far the clocks of two pods may be apart, in milliseconds. The pod where the client waits decides, by its own clock.
 */
export const CLOCK_SKEW_MS = 60_000;

export interface Ticket extends TicketFacts {
  /** Milliseconds since the Unix epoch, by the clock of the pod that waits. */
  readonly expiresAt: number;
}

/** The tickets of one cluster; each is good for TICKET_LIFE_MS from now. */
export function ticketsOf(key: ClusterKey, clock: Clock): Tickets {
  return {
    seal: (facts) => sealTicket(key, { ...facts, expiresAt: clock.wallTime() + TICKET_LIFE_MS }),
  };
}

export function sealTicket(key: ClusterKey, ticket: Ticket): string {
  const { nonce, id, address, resumable, expiresAt } = ticket;
  return key.seal(JSON.stringify([nonce, id, address, resumable ? 1 : 0, expiresAt]));
}

/** The ticket, if this cluster made it, for agent `id`, and not too long ago. */
export function openTicket(key: ClusterKey, sealed: string, id: string, now: number): Ticket | undefined {
  const text = key.open(sealed);
  if (text === undefined) return undefined;
  const [nonce, ticketId, address, resumable, expiresAt] = fieldsFrom(text);
  if (typeof nonce !== 'string' || typeof address !== 'string' || typeof expiresAt !== 'number')
    return undefined;
  if (ticketId !== id || now > expiresAt + CLOCK_SKEW_MS) return undefined;
  return { nonce, id, address, resumable: resumable === 1, expiresAt };
}

/** The fields of what this cluster sealed; none if it is not a ticket, or one of another version. */
function fieldsFrom(text: string): readonly unknown[] {
  const fields = parseJson(text);
  return Array.isArray(fields) ? fields : [];
}
