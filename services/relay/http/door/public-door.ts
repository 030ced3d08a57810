// The door of the public listener: how fast a client address may ask, and how many downloads run at once.
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { downloadPath, parsePublicTarget } from '#shared/protocol/paths.ts';
import type { Slot } from '../../limits/address-limits.ts';
import type { Admission } from '../../limits/admission.ts';
import { askerOf } from './asker.ts';
import { refusedOver } from './refusal.ts';

const DOWNLOADS = downloadPath('');

/** Puts the door before every route of `app`. */
export function registerPublicDoor(app: FastifyInstance, admission: Admission): void {
  let hasWarned = false;
  app.addHook('onRequest', async (request, reply) => {
    const url = request.raw.url ?? '';
    // An agent brings its streams because this cluster asked for each of them; the ticket shows that.
    if (parsePublicTarget(url).kind === 'agent_stream') return;
    const asker = askerOf(request);
    if (!hasWarned && !asker.isToldByProxy && request.headers['x-forwarded-for'] !== undefined) {
      hasWarned = true;
      // Once: anybody can send the header.
      request.log.warn(
        { address: asker.address },
        'a proxy that TRUST_PROXY does not name: whoever comes through it has its address',
      );
    }
    const tooFast = admission.refuseRequest(asker);
    if (tooFast !== undefined) return reply.send(refusedOver(tooFast));
    if (request.method !== 'GET' || !url.startsWith(DOWNLOADS)) return;
    const download = admission.admit('downloads', asker);
    if (download.kind === 'over') return reply.send(refusedOver(download));
    // `close` comes also where requests were sent one behind the other, and the turn of this answer never came.
    reply.raw.once('close', () => {
      download.slot.release();
    });
  });
}

/** Gives the slot back when the connection is gone. */
export function releaseWith(socket: Socket, slot: Slot): void {
  if (socket.closed) slot.release();
  else
    socket.once('close', () => {
      slot.release();
    });
}
