// Who asks: the client address of a request, for the log and for the limits.
import type { FastifyRequest } from 'fastify';
import { readAddress } from '#shared/protocol/address.ts';
import type { Asker } from '../../limits/client-address.ts';
import { addressOfSocket, isToldByBalancer } from '../listener/peer-address.ts';

/** By request, so that each part that asks gets the same object: Admission looks an address up once per Asker. */
const askers = new WeakMap<FastifyRequest, Asker>();

export function askerOf(request: FastifyRequest): Asker {
  const known = askers.get(request);
  if (known !== undefined) return known;
  const { socket } = request;
  const address = addressOf(request);
  const asker = { address, isToldByProxy: isToldByBalancer(socket) || address !== addressOfSocket(socket) };
  askers.set(request, asker);
  return asker;
}

/** What a trusted proxy says, where that is an IP address; else the address of the connection. */
export function addressOf(request: FastifyRequest): string {
  return readAddress(request.ip) ?? addressOfSocket(request.socket);
}
