// Who asks, as the limits per client address want to know it.
import type { FastifyRequest } from 'fastify';
import type { Asker } from '../limits/client-address.ts';
import { addressOf } from './origin.ts';

export function askerOf(request: FastifyRequest): Asker {
  const address = addressOf(request);
  const peer = request.socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '');
  return { address, isToldByProxy: address !== peer };
}
