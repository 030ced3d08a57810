// A question to a relay about a sign-on: one POST with JSON, through the proxy, and every way to fail as a value.
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { readBounded } from '#shared/outbound/bounded-body.ts';
import { tunnelThrough } from '#shared/outbound/proxy-tunnel.ts';
import { MAX_SIGN_ON_BODY_BYTES, type SIGN_ON_PATHS, signOnUrl } from '#shared/protocol/sign-on.ts';
import type { Clock } from '#shared/time/clock.ts';
import { type FailedDial, refusedBy, unreachableFrom } from '#shared/websocket/dial-outcome.ts';
import { dialTrusting } from '#shared/websocket/trusting-dial.ts';

/** The relay asks the provider meanwhile. In milliseconds. */
export const SIGN_ON_ANSWER_WITHIN_MS = 20_000;

export type SignOnAnswer = { readonly kind: 'open'; readonly body: string } | FailedDial;

/** Asks; never rejects. */
export type AskSignOn = (
  path: keyof typeof SIGN_ON_PATHS,
  question: object,
  signal: AbortSignal,
) => Promise<SignOnAnswer>;

export interface AskedRelay {
  /** `…/client/ID` of the relay; the questions go beside it. */
  readonly url: URL;
  readonly proxy: URL | undefined;
  readonly clock: Clock;
}

/** Asks this relay. No redirect is followed: the answer would be somebody else's. */
export function askRelay({ url, proxy, clock }: AskedRelay): AskSignOn {
  return (path, question, signal) => {
    const target = signOnUrl(url, path);
    return dialTrusting(() => post(target, JSON.stringify(question), proxy, clock, signal));
  };
}

async function post(
  target: URL,
  body: string,
  proxy: URL | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<SignOnAnswer> {
  const { promise, resolve } = Promise.withResolvers<SignOnAnswer>();
  const ending = new AbortController();
  const both = AbortSignal.any([signal, ending.signal]);
  const agent = proxy === undefined ? false : await tunnelThrough(proxy, both);
  const give = (answer: SignOnAnswer): void => {
    cancel();
    resolve(answer);
    ending.abort();
  };
  const detail = `no answer within ${SIGN_ON_ANSWER_WITHIN_MS / 1_000} s`;
  const cancel = clock.after(SIGN_ON_ANSWER_WITHIN_MS, () =>
    give({ kind: 'unreachable', code: 'TIMEOUT', detail }),
  );
  const { request } = target.protocol === 'https:' ? https : http;
  const asked = request(target, {
    method: 'POST',
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says: who reads this could sign on in place of the person.
    rejectUnauthorized: true,
    agent,
    signal: both,
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  });
  asked.on('error', (error) => {
    give(
      signal.aborted ? { kind: 'unreachable', code: 'ABORTED', detail: 'given up' } : unreachableFrom(error),
    );
  });
  asked.on('response', (response) => {
    void (response.statusCode === 200 ? readAnswer(response) : refusedBy(response)).then(give);
  });
  asked.end(body);
  return await promise;
}

async function readAnswer(response: IncomingMessage): Promise<SignOnAnswer> {
  try {
    const body = await readBounded(response, MAX_SIGN_ON_BODY_BYTES);
    if (body === undefined) return unreadable(`an answer of more than ${MAX_SIGN_ON_BODY_BYTES} bytes`);
    return { kind: 'open', body: body.toString('utf8') };
  } catch {
    return { kind: 'unreachable', code: 'ECONNRESET', detail: 'the answer broke off' };
  }
}

/** An answer came, and it is none. */
function unreadable(detail: string): FailedDial {
  return { kind: 'unreachable', code: 'PROTOCOL', detail };
}
