// A refusal on its way out: status, JSON body, counter and log line in one place.
import type { FastifyReply } from 'fastify';
import { REFUSALS, type RefusalCode } from '#shared/protocol/refusals.ts';
import type { Recorder } from '../session/ports.ts';
import { addressOf } from './origin.ts';

/** Answers with the refusal; `fields` go into the log line. */
export function refuse(
  reply: FastifyReply,
  recorder: Recorder,
  code: RefusalCode,
  message: string,
  fields: Record<string, unknown> = {},
): FastifyReply {
  recorder.refused(code);
  reply.log.info({ ...fields, code, address: addressOf(reply.request) }, 'request refused');
  // RFC 6455 section 4.2.2 asks for the version that is spoken.
  if (code === 'upgrade_required')
    void reply.headers({ upgrade: 'websocket', 'sec-websocket-version': '13' });
  if (REFUSALS[code].status === 503) void reply.header('retry-after', '1');
  return reply.code(REFUSALS[code].status).send({ code, message });
}
