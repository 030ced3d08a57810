// The proxy tunnel: how a request of Node's HTTP client gets through a proxy, with CONNECT.
import type { Agent } from 'node:http';

/** For one request; `signal` ends a tunnel that is not there yet. It is loaded here, since most have no proxy, and wait for each start. */
export async function tunnelThrough(proxy: URL, signal: AbortSignal): Promise<Agent> {
  const { HttpsProxyAgent } = await import('https-proxy-agent');
  return new HttpsProxyAgent(proxy, { signal });
}
