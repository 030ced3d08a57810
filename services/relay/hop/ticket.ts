// Tickets: what an agent shows to get its stream to the pod where the client waits. Opaque to the agent.
import { parseJson } from '#shared/text/json-record.ts';
import type { ClusterKey } from './cluster-key.ts';

/** A ticket is good for this long, in milliseconds: a little longer than anybody waits for its stream. */
export const TICKET_LIFE_MS = 15_000;

/** How far the clocks of two pods may be apart, in milliseconds. The pod that waits has the last word by its own clock. */
export const CLOCK_SKEW_MS = 60_000;

export interface Ticket {
  /** Names the pending dial; used once. */
  readonly nonce: string;
  readonly id: string;
  /** The internal listener of the pod that waits, `HOST:PORT`. */
  readonly address: string;
  /** True if the client speaks the resumable stream. */
  readonly resumable: boolean;
  /** Milliseconds since the Unix epoch, by the clock of the pod that waits. */
  readonly expiresAt: number;
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

/** What this cluster sealed has this form, unless a pod of another version did, or it is no ticket. */
function fieldsFrom(text: string): readonly unknown[] {
  const fields = parseJson(text);
  return Array.isArray(fields) ? fields : [];
}
