// One request to the provider, through the proxies of the environment, and with the authorities of this machine.
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { isUnknownAuthority, trustSystemCertificates } from '#shared/machine/certificates.ts';
import type { Environment } from '#shared/machine/environment.ts';
import { proxyFor } from '#shared/machine/proxy.ts';

export interface ProviderRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal;
}

/** Resolves when the head of the answer is there. Asks again if the machine's own authorities may make a certificate good. */
export async function requestOf(
  url: URL,
  request: ProviderRequest,
  env: Environment,
): Promise<IncomingMessage> {
  try {
    return await send(url, request, env);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!isUnknownAuthority(code) || !trustSystemCertificates()) throw error;
    return await send(url, request, env);
  }
}

function send(
  url: URL,
  { method, headers, body, signal }: ProviderRequest,
  env: Environment,
): Promise<IncomingMessage> {
  // An http: URL is one of this machine, and needs no proxy.
  const isPlain = url.protocol === 'http:';
  const choice = isPlain ? ({ kind: 'direct' } as const) : proxyFor(url, env);
  if (choice.kind === 'invalid') throw new Error(choice.message);
  const agent = choice.kind === 'proxy' ? new HttpsProxyAgent(choice.url, { signal }) : false;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { request } = isPlain ? http : https;
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  // Set here because NODE_TLS_REJECT_UNAUTHORIZED would count otherwise: these bytes decide who gets in.
  request(url, { method, agent, signal, headers: { ...headers, ...length }, rejectUnauthorized: true })
    .on('response', resolve)
    .on('error', reject)
    .end(body);
  return promise;
}
