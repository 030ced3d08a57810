// A refusal on its way out: status, JSON body, counter and log line in one place.
import type { FastifyReply } from 'fastify';
import { REFUSALS, type RefusalCode } from '#shared/protocol/refusals.ts';
import type { OverLimit } from '../../limits/admission.ts';
import type { Recorder } from '../../session/ports.ts';
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
  return reply.code(REFUSALS[code].status).send({ code, message });
}

/** Says that a limit was met, and when to come back. */
export function refuseOver(
  reply: FastifyReply,
  recorder: Recorder,
  { code, limit, message, retrySeconds }: OverLimit,
  fields: Record<string, unknown> = {},
): FastifyReply {
  // RFC 9110 section 10.2.3. No other refusal has it: those pass as soon as another pod is asked.
  void reply.header('retry-after', String(retrySeconds));
  return refuse(reply, recorder, code, message, { ...fields, limit });
}
