// The proxied fetch: GET through the proxies of the environment, each redirect through its own.
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { Readable } from 'node:stream';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { proxyFor } from '#shared/proxy.ts';
import type { Fetch } from './authorized-keys-source.ts';
import type { Environment } from './ci/environment.ts';

/** As many as fetch follows. */
const MAX_REDIRECTS = 20;

/**
 * In place of the global fetch, which reads these variables in its own way: it throws at a proxy without a scheme, knows
 * no ALL_PROXY and no address ranges. A proxy is asked for a tunnel, for http: as well.
 */
export function fetchThroughProxies(env: Environment): Fetch {
  return async (text, { signal }) => {
    let url = new URL(text);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const response = await get(url, env, signal);
      const { statusCode = 0, headers } = response;
      if (statusCode < 300 || statusCode >= 400 || headers.location === undefined) {
        return new Response(bodyOf(response), { status: statusCode });
      }
      response.destroy();
      url = new URL(headers.location, url);
    }
    throw new Error(`more than ${MAX_REDIRECTS} redirects`);
  };
}

function get(url: URL, env: Environment, signal: AbortSignal): Promise<IncomingMessage> {
  const choice = proxyFor(url, env);
  if (choice.kind === 'invalid') throw new Error(choice.message);
  const agent = choice.kind === 'proxy' ? new HttpsProxyAgent(choice.url, { signal }) : undefined;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { request } = url.protocol === 'https:' ? https : http;
  request(url, { agent, signal, headers: { 'user-agent': 'converge-agent' } })
    .on('response', resolve)
    .on('error', (error) => {
      // Of what aborts, the reason tells more than that it did.
      reject(signal.aborted ? (signal.reason as Error) : error);
    })
    .end();
  return promise;
}

/** Statuses such as 204 forbid a body. */
function bodyOf(response: IncomingMessage): ReadableStream | null {
  const { statusCode } = response;
  if (statusCode !== 204 && statusCode !== 304) return Readable.toWeb(response) as ReadableStream;
  response.resume();
  return null;
}
