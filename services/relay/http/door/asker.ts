// Who asks, as the limits per client address want to know it.
import type { FastifyRequest } from 'fastify';
import type { Asker } from '../../limits/client-address.ts';
import { addressOf, addressOfSocket, isToldByBalancer } from './origin.ts';

/** By request, so that whoever asks again gets the same one: an address is looked at once. */
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
