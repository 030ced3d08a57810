// The gate as the routes use it: what a request shows, and the refusal of whoever may not come in.
import type { FastifyRequest } from 'fastify';
import { IDENTITY_HEADER, PASS_HEADER } from '#shared/protocol/identity.ts';
import type { GateRefusal, Shown } from '../../gate/gate.ts';
import { Refused } from './refusal.ts';

/** The proof and the pass of a request. A header that came twice is one that cannot be read. */
export function shownBy({ headers }: FastifyRequest): Shown {
  return { identity: headerText(headers[IDENTITY_HEADER]), pass: headerText(headers[PASS_HEADER]) };
}

/** The refusal of whoever the gate does not let in. */
export function refusedByGate(refusal: GateRefusal, fields: Readonly<Record<string, unknown>>): Refused {
  const { code, message, demand, retrySeconds } = refusal;
  const headers = retrySeconds === undefined ? {} : { 'retry-after': String(retrySeconds) };
  return new Refused(code, message, { fields, headers, demand });
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
