// The way to a provider: fetch, with a bound on what is read and on how long it takes.
import type { IncomingMessage } from 'node:http';
import type { CustomFetch } from 'openid-client';
import type { Environment } from '#shared/machine/environment.ts';
import { readBounded } from '#shared/outbound/bounded-body.ts';
import { requestTrusting } from '#shared/outbound/trusting-request.ts';
import { isLoopbackHost } from '#shared/protocol/loopback.ts';
import type { Clock } from '#shared/time/clock.ts';

/** More of an answer is not read, in bytes. A document of discovery has about 5,000, a large set of keys 20,000. */
export const MAX_PROVIDER_ANSWER_BYTES = 256 * 1024;

/** From the question to the last byte of the answer, in milliseconds. */
export const PROVIDER_TIMEOUT_MS = 10_000;

/** The provider could not be asked. */
export class ProviderAway extends Error {}

/** How the provider is reached. */
export interface ProviderWay {
  readonly clock: Clock;
  /** The proxies: HTTPS_PROXY and its like. */
  readonly proxies: Environment;
}

/** `http:` is for a provider on this machine, where nobody listens in. Redirects are not followed. */
export function providerFetch({ clock, proxies }: ProviderWay, allowsHttp: boolean): CustomFetch {
  return async (text, { body, headers, method, signal }) => {
    const url = new URL(text);
    const { host, protocol, hostname } = url;
    if (protocol !== 'https:' && !(allowsHttp && protocol === 'http:' && isLoopbackHost(hostname)))
      throw new ProviderAway(`the provider names ${text}, which is not https`);
    const late = new AbortController();
    const cancel = clock.after(PROVIDER_TIMEOUT_MS, () => {
      late.abort(new ProviderAway(`${host} has not answered within ${PROVIDER_TIMEOUT_MS / 1_000} s`));
    });
    try {
      const signals = AbortSignal.any([late.signal, ...(signal === undefined ? [] : [signal])]);
      // An http: URL is one of this machine, and needs no proxy.
      const way = protocol === 'http:' ? {} : proxies;
      const question = { method, headers, body: textOf(body), signal: signals, proxies: way };
      const answer = await requestTrusting(url, question);
      const bytes = await readBounded(answer, MAX_PROVIDER_ANSWER_BYTES);
      if (bytes === undefined)
        throw new ProviderAway(`${host} has answered with more than ${MAX_PROVIDER_ANSWER_BYTES} bytes`);
      return responseFrom(answer, bytes);
    } catch (error) {
      if (late.signal.aborted) throw late.signal.reason;
      if (error instanceof ProviderAway) throw error;
      throw new ProviderAway(`${host} cannot be reached`, { cause: error });
    } finally {
      cancel();
    }
  };
}

/** openid-client asks with forms and with nothing. */
function textOf(body: unknown): string | undefined {
  return body instanceof URLSearchParams || typeof body === 'string' ? body.toString() : undefined;
}

/** As fetch has it. Of a status without a body, none may be given (WHATWG Fetch, "null body status"). */
function responseFrom({ headersDistinct, statusCode = 0 }: IncomingMessage, body: Buffer): Response {
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(headersDistinct))
    for (const value of values) headers.append(name, value);
  const hasBody = ![204, 205, 304].includes(statusCode);
  return new Response(hasBody ? new Uint8Array(body) : null, { status: statusCode, headers });
}
