// Signing on in a browser: to the provider and back, with a cookie in the end; and signing off.
import type { FastifyInstance, FastifyReply } from 'fastify';
import { SIGN_ON_COOKIE, SIGN_ON_PATHS } from '#shared/protocol/sign-on.ts';
import type { SignOnRefusal } from '../../sso/needs.ts';
import { type SignOnPolicy, TRIP_LIFE_MS } from '../../sso/sign-on-desk.ts';
import { type CookieTerms, cookieOf, cookieText } from '../door/cookie.ts';
import { refuseForeignOrigin } from '../door/foreign-origin.ts';
import type { Refused } from '../door/refusal.ts';
import { refusedUnrouted } from '../door/unrouted.ts';
import { type OwnBase, ownBase, ownPath } from './own-base.ts';
import { SIGN_ON_PAGE_HEADERS } from './page-headers.ts';
import {
  refusedSignOn,
  refuseTooMany,
  type SignOnRouteOptions,
  signOnPolicyOf,
  tellConfirmed,
} from './sign-on-options.ts';
import { renderSignOnPage, type SignOnPage } from './sign-on-page.ts';

/** Between a browser's way to the provider and its return. */
export const TRIP_COOKIE = 'converge-sso-trip';

/** Where a browser ends that was sent for nothing else, and where it signs off. */
const DONE_PATH = `${SIGN_ON_PATHS.browser}/done`;
const END_PATH = `${SIGN_ON_PATHS.browser}/end`;

type Answer = Refused | FastifyReply;
type Query = Readonly<Record<string, unknown>>;

export function registerBrowserRoutes(app: FastifyInstance, options: SignOnRouteOptions): void {
  const { clock, desk, policy, publicUrl, recorder } = options;

  app.get<{ Querystring: Query }>(SIGN_ON_PATHS.browser, async (request, reply): Promise<Answer> => {
    const current = signOnPolicyOf(policy);
    if (current === undefined) return refusedUnrouted(request);
    // The provider is asked nothing: the browser goes there itself.
    const base = baseOf(current);
    const returnTo = ownPath(request.query['return'], base);
    const trip = await desk.beginTrip(current, redirectUri(base), returnTo);
    if (trip.kind === 'refused') return refusedInBrowser(trip, base, reply);
    recorder.signOn('browser', 'begun');
    const maxAgeSeconds = TRIP_LIFE_MS / 1_000;
    const cookie = cookieText(TRIP_COOKIE, trip.cookie, tripTerms(base, maxAgeSeconds));
    return redirect(reply, trip.location, [cookie]);
  });

  app.get(SIGN_ON_PATHS.callback, async (request, reply): Promise<Answer> => {
    const current = signOnPolicyOf(policy);
    if (current === undefined) return refusedUnrouted(request);
    const base = baseOf(current);
    const cookie = cookieOf(request, TRIP_COOKIE);
    // About a trip that nobody has begun here the provider is not asked either.
    const over = desk.isOwn('sign-on-trip', cookie ?? '') ? refuseTooMany(request, options) : undefined;
    if (over !== undefined) return over;
    const url = new URL(redirectUri(base));
    url.search = new URL(request.url, base.url).search;
    const ended = await desk.endTrip(current, url, cookie);
    // Whatever came of it: the same answer of the provider must not be shown twice.
    const forgotten = cookieText(TRIP_COOKIE, '', tripTerms(base, 0));
    if (ended.kind === 'refused') {
      void reply.header('set-cookie', forgotten);
      return refusedInBrowser(ended, base, reply);
    }
    tellConfirmed('browser', ended, reply, recorder);
    const { expiresAt, token } = ended.signedOn;
    const maxAgeSeconds = Math.floor((expiresAt - clock.wallTime()) / 1_000);
    const signedOn = cookieText(SIGN_ON_COOKIE, token, tokenTerms(base, maxAgeSeconds));
    return redirect(reply, ended.returnTo ?? `${base.prefix}${DONE_PATH}`, [forgotten, signedOn]);
  });

  app.get(DONE_PATH, (request, reply): Answer => {
    const current = signOnPolicyOf(policy);
    if (current === undefined) return refusedUnrouted(request);
    const base = baseOf(current);
    const signOn = desk.signOnOf(current, cookieOf(request, SIGN_ON_COOKIE) ?? '');
    if (signOn === undefined)
      return sendPage(reply, base, notSignedOn(base, 'Nobody has signed on in this browser.'));
    const until = `${new Date(signOn.expiresAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
    return sendPage(reply, base, {
      title: `Signed on as ${signOn.name}`,
      said: [`This browser may reach jobs through this relay until ${until}. You may close this page.`],
      action: { kind: 'post', path: `${base.prefix}${END_PATH}`, words: 'Sign off' },
    });
  });

  app.post(END_PATH, (request, reply): Answer => {
    const current = signOnPolicyOf(policy);
    if (current === undefined) return refusedUnrouted(request);
    const base = baseOf(current);
    const message = 'a page of another site must not sign anybody off here';
    const foreign = refuseForeignOrigin(request, { publicUrl, terminalOrigins: [] }, message);
    if (foreign !== undefined) return foreign;
    void reply.header('set-cookie', cookieText(SIGN_ON_COOKIE, '', tokenTerms(base, 0)));
    return sendPage(reply, base, notSignedOn(base, 'This browser has signed off from this relay.'));
  });

  function baseOf({ policy: { audience } }: SignOnPolicy): OwnBase {
    return ownBase(publicUrl, audience);
  }

  function refusedInBrowser(refusal: SignOnRefusal, base: OwnBase, reply: FastifyReply): Refused {
    const { message } = refusal;
    void reply.headers(SIGN_ON_PAGE_HEADERS);
    const page = renderSignOnPage({
      host: hostOf(base),
      title: 'Not signed on',
      said: [`${message.charAt(0).toUpperCase()}${message.slice(1)}.`],
      isAlert: true,
      action: { kind: 'get', path: `${base.url}${SIGN_ON_PATHS.browser}`, words: 'Sign on again' },
    });
    return refusedSignOn('browser', refusal, recorder, { page });
  }
}

/** To be registered at the provider. */
function redirectUri({ url }: OwnBase): string {
  return `${url}${SIGN_ON_PATHS.callback}`;
}

function tripTerms({ prefix, isSecure }: OwnBase, maxAgeSeconds: number): CookieTerms {
  return { path: `${prefix}${SIGN_ON_PATHS.browser}`, isSecure, maxAgeSeconds };
}

function tokenTerms({ prefix, isSecure }: OwnBase, maxAgeSeconds: number): CookieTerms {
  return { path: `${prefix}/`, isSecure, maxAgeSeconds };
}

function notSignedOn(base: OwnBase, said: string): Omit<SignOnPage, 'host'> {
  const action = { kind: 'get', path: `${base.prefix}${SIGN_ON_PATHS.browser}`, words: 'Sign on' } as const;
  return { title: 'Not signed on', said: [said], action };
}

function sendPage(reply: FastifyReply, base: OwnBase, page: Omit<SignOnPage, 'host'>): FastifyReply {
  return reply
    .headers(SIGN_ON_PAGE_HEADERS)
    .type('text/html; charset=utf-8')
    .send(renderSignOnPage({ host: hostOf(base), ...page }));
}

/** By GET, whatever was asked with (RFC 9110 section 15.4.4). No address with a code in it goes on in a Referer. */
function redirect(reply: FastifyReply, location: string, cookies: readonly string[]): FastifyReply {
  return reply
    .code(303)
    .headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', location })
    .header('set-cookie', cookies)
    .send();
}

function hostOf({ url }: OwnBase): string {
  return new URL(url).host;
}
