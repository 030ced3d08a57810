// Signing on for programs: `POST /sign-on/device`, `/token` and `/refresh`, in JSON.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  formatDeviceSignOn,
  formatSignOnProgress,
  parseRefreshQuestion,
  parseTokenQuestion,
  SIGN_ON_PATHS,
} from '#shared/protocol/sign-on.ts';
import { refuseForeignOrigin } from '../door/foreign-origin.ts';
import type { Refused } from '../door/refusal.ts';
import { refusedUnrouted } from '../door/unrouted.ts';
import {
  refusedSignOn,
  refuseTooMany,
  type SignOnRouteOptions,
  signOnPolicyOf,
  tellConfirmed,
} from './sign-on-options.ts';

type Answer = Refused | FastifyReply;

export function registerProgramRoutes(app: FastifyInstance, options: SignOnRouteOptions): void {
  const { desk, policy, publicUrl, recorder } = options;

  app.post(SIGN_ON_PATHS.device, async (request, reply): Promise<Answer> => {
    const current = signOnPolicyOf(policy);
    if (current === undefined) return refusedUnrouted(request);
    const refused = refuse(request, true);
    if (refused !== undefined) return refused;
    const begun = await desk.beginDevice(current);
    if (begun.kind === 'refused') return refusedSignOn('device', begun, recorder);
    recorder.signOn('device', 'begun');
    return sendJson(reply, formatDeviceSignOn(begun.signOn));
  });

  app.post(SIGN_ON_PATHS.token, async (request, reply): Promise<Answer> => {
    const current = signOnPolicyOf(policy);
    if (current === undefined) return refusedUnrouted(request);
    const question = parseTokenQuestion(String(request.body));
    if (question === undefined) return answerMalformed(reply, 'handle');
    const refused = refuse(request, desk.isOwn('sign-on-handle', question.handle));
    if (refused !== undefined) return refused;
    const answer = await desk.askDevice(current, question.handle);
    switch (answer.kind) {
      case 'refused':
        return refusedSignOn('device', answer, recorder);
      case 'pending':
        return sendJson(reply, formatSignOnProgress(answer));
      case 'confirmed':
        tellConfirmed('device', answer, reply, recorder);
        return sendJson(reply, formatSignOnProgress({ kind: 'signed_on', signedOn: answer.signedOn }));
    }
  });

  app.post(SIGN_ON_PATHS.refresh, async (request, reply): Promise<Answer> => {
    const current = signOnPolicyOf(policy);
    if (current === undefined) return refusedUnrouted(request);
    const question = parseRefreshQuestion(String(request.body));
    if (question === undefined) return answerMalformed(reply, 'refresh');
    const refused = refuse(request, desk.isOwn('sign-on-refresh', question.refresh));
    if (refused !== undefined) return refused;
    const answer = await desk.refresh(current, question.refresh);
    if (answer.kind === 'refused') return refusedSignOn('refresh', answer, recorder);
    tellConfirmed('refresh', answer, reply, recorder);
    return sendJson(reply, formatSignOnProgress({ kind: 'signed_on', signedOn: answer.signedOn }));
  });

  /** What asks nothing of the provider takes nothing of what the relay may ask it, which all people share. */
  function refuse(request: FastifyRequest, asksProvider: boolean): Refused | undefined {
    const message = 'a page of another site must not sign anybody on here';
    const foreign = refuseForeignOrigin(request, { publicUrl, terminalOrigins: [] }, message);
    return foreign ?? (asksProvider ? refuseTooMany(request, options) : undefined);
  }
}

function sendJson(reply: FastifyReply, body: string): FastifyReply {
  return reply
    .headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
    .type('application/json; charset=utf-8')
    .send(body);
}

function answerMalformed(reply: FastifyReply, field: string): FastifyReply {
  const message = `the body must be a JSON object with the text ${field}`;
  return reply.code(400).send({ code: 'malformed_request', message });
}
