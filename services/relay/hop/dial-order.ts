// The dial order: what one pod asks of the pod that holds the agent, and the paths of the internal listener.
import { readAddress } from '#shared/protocol/address.ts';
import { isTicket } from '#shared/protocol/paths.ts';
import { parseRecord } from '#shared/text/json-record.ts';
import type { DialOrder } from '../session/needs.ts';

/** The largest body of a dial order, in bytes. */
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
