// What the routes of signing on need, and what both kinds of them do alike.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '#shared/time/clock.ts';
import type { Admission } from '../../limits/admission.ts';
import type { PolicySource } from '../../policy/policy.ts';
import { outcomeOf, type SignOnRecorder, type SignOnRefusal, type SignOnWay } from '../../sso/needs.ts';
import type { Confirmed, SignOnDesk, SignOnPolicy } from '../../sso/sign-on-desk.ts';
import { addressOf, askerOf } from '../door/asker.ts';
import { type RefusalDetails, Refused, refusedOver } from '../door/refusal.ts';

export interface SignOnRouteOptions {
  readonly desk: SignOnDesk;
  readonly policy: PolicySource;
  readonly admission: Pick<Admission, 'refuseSignOn'>;
  readonly clock: Clock;
  readonly publicUrl: URL | undefined;
  readonly recorder: SignOnRecorder;
}

/** The policy of this moment, if people sign on by it. */
export function signOnPolicyOf({ current }: PolicySource): SignOnPolicy | undefined {
  return current?.sso === undefined ? undefined : { policy: current, settings: current.sso };
}

/** The refusal of whoever asks too much of the provider. */
export function refuseTooMany(
  request: FastifyRequest,
  { admission }: Pick<SignOnRouteOptions, 'admission'>,
): Refused | undefined {
  const over = admission.refuseSignOn(askerOf(request));
  return over === undefined ? undefined : refusedOver(over);
}

/** Counts the refusal; what the provider has said goes into the log. */
export function refusedSignOn(
  way: SignOnWay,
  refusal: SignOnRefusal,
  recorder: SignOnRecorder,
  details: Pick<RefusalDetails, 'page'> = {},
): Refused {
  const { code, message, cause } = refusal;
  recorder.signOn(way, outcomeOf(refusal));
  return new Refused(code, message, {
    fields: { way, ...(cause === undefined ? {} : { cause }) },
    ...details,
  });
}

/** Counts and logs that somebody has signed on. */
export function tellConfirmed(
  way: SignOnWay,
  { name }: Confirmed,
  reply: FastifyReply,
  recorder: SignOnRecorder,
): void {
  recorder.signOn(way, 'confirmed');
  reply.log.info({ way, subject: name, address: addressOf(reply.request) }, 'signed on');
}
