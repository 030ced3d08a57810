// The proxied fetch: GET through the proxies of the environment, each redirect through its own.
import type { Environment } from '#shared/machine/environment.ts';
import { requestTrusting } from '#shared/outbound/trusting-request.ts';
import type { Fetch } from './source.ts';

/** GitHub needs none, a renamed user or a login wall one or two. */
export const MAX_REDIRECTS = 5;

/** By the proxies that `proxies` names. */
export function fetchThroughProxies(proxies: Environment): Fetch {
  return async (text, { signal, allowsHttp, headers: own = {} }) => {
    let url = new URL(text);
    const { origin } = url;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      // They may hold a secret, which is for whom it was given.
      const asker = { ...(url.origin === origin ? own : {}), 'user-agent': 'converge-agent' };
      const response = await requestTrusting(url, { method: 'GET', headers: asker, signal, proxies });
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
