// Refusals: a route or a hook returns one, and this file alone answers it, counts it and logs it.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { IdentityDemand } from '#shared/protocol/identity.ts';
import { parsePublicTarget } from '#shared/protocol/paths.ts';
import { REFUSALS, type RefusalCode } from '#shared/protocol/refusals.ts';
import type { OverLimit } from '../../limits/admission.ts';
import { EVERY_ANSWER_HEADERS } from './answer-headers.ts';
import { addressOf } from './asker.ts';

/** More of a path than this is not repeated in a message or in the log, in characters. */
export const MAX_SHOWN_PATH_CHARACTERS = 200;

/** Who was refused, and what they were told. */
export interface RefusedAsker {
  readonly role: 'agent' | 'client' | 'other';
  /** Undefined where the path has none, or not one that can be. */
  readonly id: string | undefined;
  readonly address: string;
  readonly message: string;
}

/** Counts refusals, by code. */
export interface RefusalRecorder {
  refused(code: RefusalCode, asker: RefusedAsker): void;
}

/** What a refusal has beside its code and message. */
export interface RefusalDetails {
  /** Fields of the log line. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** HTML for a browser, in place of the JSON body. */
  readonly page?: string;
  /** What would do as a proof of identity: the field `identity` of the body. */
  readonly demand?: IdentityDemand | undefined;
}

/** A no. To refuse, a route returns one, or a hook sends one. Its status is the code's (`REFUSALS`). */
export class Refused {
  readonly code: RefusalCode;
  /** For the person who asked: what is wrong, and what to do next. */
  readonly message: string;
  readonly details: RefusalDetails;

  constructor(code: RefusalCode, message: string, details: RefusalDetails = {}) {
    this.code = code;
    this.message = message;
    this.details = details;
  }
}

/** The refusal of whoever has met a limit: it says which one, and when to come back. */
export function refusedOver(over: OverLimit, fields: Readonly<Record<string, unknown>> = {}): Refused {
  const { code, limit, message, retrySeconds } = over;
  return new Refused(code, message, {
    fields: { ...fields, limit },
    // RFC 9110 section 10.2.3. No other refusal has it: another pod may answer those otherwise at once.
    headers: { 'retry-after': String(retrySeconds) },
  });
}

/** The JSON of a refusal, docs/protocol.md section 4. */
interface RefusalBody {
  readonly code: RefusalCode;
  readonly message: string;
  readonly identity?: IdentityDemand;
}

/** Answers, counts and logs every `Refused` that a route of `app` returns or a hook of `app` sends. */
export function answerRefusals(app: FastifyInstance, recorder: RefusalRecorder): void {
  app.addHook('preSerialization', (_request, reply, payload, done) => {
    done(null, payload instanceof Refused ? answerTo(payload, reply, recorder) : payload);
  });
}

/** Sends a refusal where fastify runs no hooks: for a request that it could not even route. */
export function sendRefusal(refused: Refused, reply: FastifyReply, recorder: RefusalRecorder): void {
  void reply.headers(EVERY_ANSWER_HEADERS).send(answerTo(refused, reply, recorder));
}

/** Counts and logs the refusal, puts status and headers on `reply`, and returns the body. */
function answerTo(
  { code, message, details }: Refused,
  reply: FastifyReply,
  recorder: RefusalRecorder,
): RefusalBody | string {
  recorder.refused(code, askerRefused(reply.request, message));
  reply.log.info({ ...details.fields, code, address: addressOf(reply.request) }, 'request refused');
  // RFC 6455 section 4.2.2 asks for the version that is spoken.
  if (code === 'upgrade_required')
    void reply.headers({ upgrade: 'websocket', 'sec-websocket-version': '13' });
  void reply.code(REFUSALS[code].status).headers({ ...details.headers });
  const { demand } = details;
  if (details.page === undefined)
    return { code, message, ...(demand === undefined ? {} : { identity: demand }) };
  void reply.type('text/html; charset=utf-8').serializer((page: string) => page);
  return details.page;
}

/** Who asks, by the path of the request. */
export function askerRefused(request: FastifyRequest, message: string): RefusedAsker {
  const url = request.raw.url ?? '';
  const target = parsePublicTarget(url);
  const role = url.startsWith('/agent/') ? 'agent' : url.startsWith('/client/') ? 'client' : 'other';
  const id = 'id' in target && target.kind !== 'invalid_id' ? target.id : undefined;
  return { role, id, address: addressOf(request), message };
}
