// GET from an issuer: bounded in bytes, followed nowhere, through the proxies of the environment.
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { isUnknownAuthority, trustSystemCertificates } from '#shared/machine/certificates.ts';
import type { Environment } from '#shared/machine/environment.ts';
import { proxyFor } from '#shared/machine/proxy.ts';
import { isSafeToAsk } from './issuer-url.ts';

/** More than this of an answer is not read, in bytes. A key has 500, a discovery document 2,000. */
export const MAX_ISSUER_ANSWER_BYTES = 131_072;

/** Why there are no keys: the label of the metric, and a field of the log. */
export const FETCH_FAULTS = [
  'unreachable',
  'bad_status',
  'redirected',
  'too_large',
  'too_slow',
  'malformed',
] as const;
export type FetchFault = (typeof FETCH_FAULTS)[number];

export type IssuerAnswer =
  | { readonly kind: 'answered'; readonly body: string; readonly headers: http.IncomingHttpHeaders }
  | FailedFetch;

/** `detail` is for the log of the relay: it may name hosts and addresses that a stranger need not know. */
export interface FailedFetch {
  readonly kind: 'failed';
  readonly fault: FetchFault;
  readonly detail: string;
}

/** Never rejects. An abort of `signal` is `too_slow`. */
export type IssuerGet = (url: URL, signal: AbortSignal) => Promise<IssuerAnswer>;

/** A GET with the proxies that `env` names; an http: URL, which is one of this machine, needs none. */
export function issuerGet(env: Environment): IssuerGet {
  return async (url, signal) => {
    if (!isSafeToAsk(url)) return failed('malformed', `${url.href} is not https`);
    try {
      const response = await getTrusting(url, env, signal);
      const { statusCode = 0, headers } = response;
      if (statusCode !== 200) {
        response.destroy();
        const isRedirect = statusCode >= 300 && statusCode < 400;
        return failed(isRedirect ? 'redirected' : 'bad_status', `${url.href} answers ${statusCode}`);
      }
      const body = await textOf(response);
      return body === undefined
        ? failed('too_large', `${url.href} answers more than ${MAX_ISSUER_ANSWER_BYTES} bytes`)
        : { kind: 'answered', body, headers };
    } catch (error) {
      if (signal.aborted) return failed('too_slow', `${url.href} takes too long`);
      return failed('unreachable', `${url.href}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
}

/** Undefined if there is too much of it. */
async function textOf(response: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop destroys the response.
  for await (const chunk of response) {
    length += (chunk as Buffer).length;
    if (length > MAX_ISSUER_ANSWER_BYTES) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Asks again if the machine's own authorities may make the certificate a good one: a company's GitLab has one by them. */
async function getTrusting(url: URL, env: Environment, signal: AbortSignal): Promise<IncomingMessage> {
  try {
    return await get(url, env, signal);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!isUnknownAuthority(code) || !trustSystemCertificates()) throw error;
    return get(url, env, signal);
  }
}

function get(url: URL, env: Environment, signal: AbortSignal): Promise<IncomingMessage> {
  const isPlain = url.protocol === 'http:';
  const choice = isPlain ? ({ kind: 'direct' } as const) : proxyFor(url, env);
  if (choice.kind === 'invalid') throw new Error(choice.message);
  const agent = choice.kind === 'proxy' ? new HttpsProxyAgent(choice.url, { signal }) : false;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { request } = isPlain ? http : https;
  const headers = { accept: 'application/json', 'user-agent': 'converge-relay' };
  // Set here because NODE_TLS_REJECT_UNAUTHORIZED would count otherwise: these bytes decide who gets in.
  request(url, { agent, signal, headers, rejectUnauthorized: true })
    .on('response', resolve)
    .on('error', reject)
    .end();
  return promise;
}

function failed(fault: FetchFault, detail: string): FailedFetch {
  return { kind: 'failed', fault, detail };
}
