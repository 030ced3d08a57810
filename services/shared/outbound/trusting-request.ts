// The trusting request: one HTTP request through the proxies of the environment, and with the authorities of this machine.
//
// In place of the global fetch, which reads the proxy variables in its own way (it throws at a proxy without a scheme, knows no
// ALL_PROXY and no address ranges), and which NODE_TLS_REJECT_UNAUTHORIZED makes take any certificate.
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isUnknownAuthority, trustSystemCertificates } from '#shared/machine/certificates.ts';
import type { Environment } from '#shared/machine/environment.ts';
import { proxyFor } from '#shared/machine/proxy.ts';
import { tunnelThrough } from './proxy-tunnel.ts';

export interface OutboundRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  /** Its reason is what the request is rejected with. */
  readonly signal: AbortSignal;
  /** HTTPS_PROXY and its like; a proxy is asked for a tunnel, for http: as well. */
  readonly proxies: Environment;
}

/** The proxy itself could not be reached; what is behind it was not asked. */
export class ProxyUnreachable extends Error {
  readonly code = 'proxy_unreachable';
  override readonly name = 'ProxyUnreachable';
  /** HOST:PORT. */
  readonly proxy: string;
  /** The system's word. */
  readonly errno: string;

  constructor(proxy: URL, cause: NodeJS.ErrnoException) {
    super(`proxy ${proxy.host}: ${cause.message}`, { cause });
    this.proxy = proxy.host;
    this.errno = cause.code ?? '';
  }
}

/**
 * Resolves when the head of the answer is there; no redirect is followed. Asks again if the machine's own authorities may make a
 * certificate good.
 * @throws ProxyUnreachable
 */
export async function requestTrusting(url: URL, request: OutboundRequest): Promise<IncomingMessage> {
  try {
    return await send(url, request);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!isUnknownAuthority(code) || !trustSystemCertificates()) throw error;
    return await send(url, request);
  }
}

async function send(
  url: URL,
  { method, headers, body, signal, proxies }: OutboundRequest,
): Promise<IncomingMessage> {
  const choice = proxyFor(url, proxies);
  if (choice.kind === 'invalid') throw new Error(choice.message);
  const agent = choice.kind === 'proxy' ? await tunnelThrough(choice.url, signal) : false;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { request } = url.protocol === 'https:' ? https : http;
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  // Set here because NODE_TLS_REJECT_UNAUTHORIZED would count otherwise: what goes and comes decides who gets in.
  request(url, { method, agent, signal, headers: { ...headers, ...length }, rejectUnauthorized: true })
    .on('response', resolve)
    .on('error', (error) => {
      // The reason of an abort says more than the error does.
      if (signal.aborted) reject(signal.reason as Error);
      else if (choice.kind === 'proxy' && isOfConnecting(error)) {
        reject(new ProxyUnreachable(choice.url, error));
      } else reject(error);
    })
    .end(body);
  return await promise;
}

function isOfConnecting({ syscall }: NodeJS.ErrnoException): boolean {
  return syscall === 'connect' || syscall === 'getaddrinfo';
}
