// GET from an issuer: bounded in bytes, followed nowhere, through the proxies of the environment.
import type { IncomingHttpHeaders } from 'node:http';
import type { Environment } from '#shared/machine/environment.ts';
import { readBounded } from '#shared/outbound/bounded-body.ts';
import { requestTrusting } from '#shared/outbound/trusting-request.ts';
import { isPrivateUrl } from '#shared/protocol/loopback.ts';

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
  | { readonly kind: 'answered'; readonly body: string; readonly headers: IncomingHttpHeaders }
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
    if (!isPrivateUrl(url)) return failed('malformed', `${url.href} is not https`);
    try {
      const headers = { accept: 'application/json', 'user-agent': 'converge-relay' };
      // An http: URL is one of this machine, and needs no proxy.
      const proxies = url.protocol === 'http:' ? {} : env;
      const response = await requestTrusting(url, { method: 'GET', headers, signal, proxies });
      const { statusCode = 0, headers: answered } = response;
      if (statusCode !== 200) {
        response.destroy();
        const isRedirect = statusCode >= 300 && statusCode < 400;
        return failed(isRedirect ? 'redirected' : 'bad_status', `${url.href} answers ${statusCode}`);
      }
      const body = await readBounded(response, MAX_ISSUER_ANSWER_BYTES);
      return body === undefined
        ? failed('too_large', `${url.href} answers more than ${MAX_ISSUER_ANSWER_BYTES} bytes`)
        : { kind: 'answered', body: body.toString('utf8'), headers: answered };
    } catch (error) {
      if (signal.aborted) return failed('too_slow', `${url.href} takes too long`);
      return failed('unreachable', `${url.href}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
}

function failed(fault: FetchFault, detail: string): FailedFetch {
  return { kind: 'failed', fault, detail };
}
