// The gate as the routes use it: what a request shows, and the refusal of whoever may not come in.
import type { FastifyRequest } from 'fastify';
import { IDENTITY_HEADER, PASS_HEADER } from '#shared/protocol/identity.ts';
import { formatIdentity } from '#shared/protocol/presented-identity.ts';
import { SIGN_ON_COOKIE } from '#shared/protocol/sign-on.ts';
import type { GateRefusal, Shown } from '../../gate/gate.ts';
import { cookieOf } from './cookie.ts';
import { isByOwnPage } from './foreign-origin.ts';
import { Refused } from './refusal.ts';

/** The proof and the pass of a request. A header that came twice is one that cannot be read. */
export function shownBy({ headers }: FastifyRequest): Shown {
  return { identity: headerText(headers[IDENTITY_HEADER]), pass: headerText(headers[PASS_HEADER]) };
}

/** What the relay must know to believe a browser's cookie. */
export interface BrowserTerms {
  readonly policy: { readonly current: { readonly sso: object | undefined } | undefined };
  readonly publicUrl: URL | undefined;
}

/**
 * The same of a client, which may be a browser: a script can set no header of a WebSocket, so its sign-on comes as a cookie.
 * A cookie comes along whichever page asks, so it counts for pages of this relay alone; and only where people sign on.
 */
export function shownByClient(request: FastifyRequest, { policy, publicUrl }: BrowserTerms): Shown {
  const shown = shownBy(request);
  if (shown.identity !== undefined || policy.current?.sso === undefined) return shown;
  const token = isByOwnPage(request, publicUrl) ? cookieOf(request, SIGN_ON_COOKIE) : undefined;
  return token === undefined || token === ''
    ? shown
    : { ...shown, identity: formatIdentity({ kind: 'sso', token }) };
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
