// Who asks, as the limits per client address want to know it.
import type { FastifyRequest } from 'fastify';
import type { Asker } from '../limits/client-address.ts';
import { addressOf } from './origin.ts';

/** By request, so that whoever asks again gets the same one: an address is looked at once. */
const askers = new WeakMap<FastifyRequest, Asker>();

export function askerOf(request: FastifyRequest): Asker {
  const known = askers.get(request);
  if (known !== undefined) return known;
  const address = addressOf(request);
  const peer = request.socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '');
  const asker = { address, isToldByProxy: address !== peer };
  askers.set(request, asker);
  return asker;
}
