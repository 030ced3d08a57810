// The proxied fetch: GET through the proxies of the environment, each redirect through its own.
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { isUnknownAuthority, trustSystemCertificates } from '#shared/machine/certificates.ts';
import type { Environment } from '#shared/machine/environment.ts';
import { proxyFor } from '#shared/machine/proxy.ts';
import type { Fetch } from './source.ts';

/** GitHub needs none, a renamed user or a login wall one or two. */
export const MAX_REDIRECTS = 5;

/**
 * In place of the global fetch, which reads the proxy variables in its own way: it throws at a proxy without a scheme,
 * knows no ALL_PROXY and no address ranges. A proxy is asked for a tunnel, for http: as well.
 */
export function fetchThroughProxies(env: Environment): Fetch {
  return async (text, { signal, allowsHttp, headers: own = {} }) => {
    let url = new URL(text);
    const { origin } = url;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      // They may hold a secret, which is for whom it was given.
      const request = { url, env, signal, headers: url.origin === origin ? own : {} };
      const response = await getTrusting(request);
      const { statusCode: status = 0, headers } = response;
      if (status < 300 || status >= 400 || headers.location === undefined) {
        return { status, contentType: headers['content-type'] ?? '', body: response };
      }
      response.destroy();
      url = next(url, headers.location, allowsHttp);
    }
    throw new Error(`more than ${MAX_REDIRECTS} redirects`);
  };
}

/** Where a redirect leads. What began with https stays with it, whatever is allowed. */
function next(from: URL, location: string, allowsHttp: boolean): URL {
  const to = URL.parse(location, from.href);
  if (to?.protocol === 'https:') return to;
  if (to?.protocol === 'http:' && from.protocol === 'http:' && allowsHttp) return to;
  const where = to === null ? 'nowhere' : `to ${to.protocol}//${to.host}`;
  throw new Error(`the server redirects ${where}, which is not https; check the URL`);
}

interface Asking {
  readonly url: URL;
  readonly env: Environment;
  readonly signal: AbortSignal;
  readonly headers: Readonly<Record<string, string>>;
}

/** Asks again if the machine's own authorities may make the certificate a good one. */
async function getTrusting(asking: Asking): Promise<IncomingMessage> {
  try {
    return await get(asking);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!isUnknownAuthority(code) || !trustSystemCertificates()) throw error;
    return get(asking);
  }
}

function get({ url, env, signal, headers: own }: Asking): Promise<IncomingMessage> {
  const choice = proxyFor(url, env);
  if (choice.kind === 'invalid') throw new Error(choice.message);
  const agent = choice.kind === 'proxy' ? new HttpsProxyAgent(choice.url, { signal }) : undefined;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { request } = url.protocol === 'https:' ? https : http;
  const headers = { ...own, 'user-agent': 'converge-agent' };
  // Set here because NODE_TLS_REJECT_UNAUTHORIZED would count otherwise: these bytes decide who gets in.
  request(url, { agent, signal, headers, rejectUnauthorized: true })
    .on('response', resolve)
    .on('error', (error) => {
      // The reason of an abort says more than the error does.
      reject(signal.aborted ? (signal.reason as Error) : error);
    })
    .end();
  return promise;
}
