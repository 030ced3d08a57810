// The API server through @kubernetes/client-node: who we are, how its certificate is checked, and the bytes.
//
// Its watch and its informer are not used: the informer ends at the first error that is not a 410 and asks for no
// bookmarks; the watch cannot be stopped before it is answered, drops what a callback throws, and reads the machine's
// clock. Its typed calls would add 3 MB of models to the bundle, for a list and a patch.
import { createConfiguration, HttpMethod, KubeConfig, RequestContext } from '@kubernetes/client-node';
import type { ApiAnswer, ApiRequest, ApiServer } from './api-server.ts';

/** Where the API server is and how to speak to it. Files are read for each request, since they are rotated. */
export interface KubeAccess {
  /** `https://HOST:PORT`; `http://` is for a proxy beside us that holds the credentials. */
  readonly server: string;
  /** PEM of the authority that signed its certificate; by default those that Node trusts. */
  readonly caFile?: string;
  /** The bearer token of our service account. */
  readonly tokenFile?: string;
}

/** Nothing is opened or read before a request is sent. */
export function connectApiServer(access: KubeAccess): ApiServer {
  const config = kubeConfigFrom(access);
  const { httpApi } = createConfiguration();

  async function send(request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
    const context = contextFrom(request, access.server);
    await config.applySecurityAuthentication(context);
    context.setSignal(signal);
    releaseOnAbort(context, signal);
    const { httpStatusCode: status, body } = await httpApi.send(context).toPromise();
    return { status, chunks: body.stream() ?? new Blob([]).stream() };
  }

  return { send };
}

function kubeConfigFrom({ server, caFile, tokenFile }: KubeAccess): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    {
      name: 'cluster',
      server,
      // The library insists on this for plain HTTP, where there is nothing to verify.
      skipTLSVerify: server.startsWith('http:'),
      ...(caFile === undefined ? {} : { caFile }),
    },
    {
      name: 'relay',
      ...(tokenFile === undefined ? {} : { authProvider: { name: 'tokenFile', config: { tokenFile } } }),
    },
  );
  return config;
}

function contextFrom({ method, path, query = {}, body }: ApiRequest, server: string): RequestContext {
  const context = new RequestContext(server.replace(/\/$/, '') + path, HttpMethod[method]);
  for (const [name, value] of Object.entries(query)) context.setQueryParam(name, value);
  context.setHeaderParam('Accept', 'application/json');
  context.setHeaderParam('User-Agent', 'converge-relay');
  if (body !== undefined) {
    context.setHeaderParam('Content-Type', body.contentType);
    context.setBody(body.text);
  }
  return context;
}

/**
 * The library makes a dispatcher, with a connection of its own, for each request and forgets it; HTTP/2 keeps that open:
 * https://github.com/kubernetes-client/javascript/issues/2893 reports the same of its agents.
 */
function releaseOnAbort(context: RequestContext, signal: AbortSignal): void {
  const dispatcher = context.getDispatcher();
  if (dispatcher === undefined) return;
  const release = (): void => {
    dispatcher.destroy(() => undefined);
  };
  if (signal.aborted) release();
  else signal.addEventListener('abort', release, { once: true });
}
