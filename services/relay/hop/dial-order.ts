// The dial order: what one pod asks of the pod that holds the agent, and the paths of the internal listener.
import { readAddress } from '#shared/protocol/address.ts';
import { isTicket } from '#shared/protocol/paths.ts';
import { parseRecord } from '#shared/text/json-record.ts';
import type { DialOrder, Standing } from '../session/needs.ts';

/** The largest body of a dial order, and of the answer to one, in bytes. */
export const MAX_DIAL_ORDER_BYTES = 4096;

export function dialPath(id: string): string {
  return `/dial/${id}`;
}

export function hopPath(nonce: string): string {
  return `/hop/${nonce}`;
}

export function formatDialOrder({ ticket, client, resumable }: DialOrder): string {
  return JSON.stringify({ ticket, client, resumable });
}

/** The order in a body; undefined if it is not one. Never throws. */
export function parseDialOrder(body: string): DialOrder | undefined {
  const { ticket, client, resumable } = parseRecord(body) ?? {};
  if (typeof ticket !== 'string' || typeof client !== 'string' || typeof resumable !== 'boolean')
    return undefined;
  const address = readAddress(client);
  return address !== undefined && isTicket(ticket) ? { ticket, client: address, resumable } : undefined;
}

/** The answer to an order that was passed on. A release before this one looks at its status only. */
export function dialAnswer(standing: Standing | undefined): Readonly<Record<string, unknown>> {
  return { status: 'sent', ...standing };
}

/** By which rule the agent is in, as the answer says; undefined if it says nothing. Never throws. */
export function standingFrom(answer: string): Standing | undefined {
  const { rule, since } = parseRecord(answer) ?? {};
  return typeof rule === 'string' && Number.isSafeInteger(since) ? { rule, since: Number(since) } : undefined;
}
