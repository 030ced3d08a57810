// The way to a provider: fetch, with a bound on what is read and on how long it takes.
import type { CustomFetch } from 'openid-client';
import type { Clock } from '#shared/time/clock.ts';

/** More of an answer is not read, in bytes. A document of discovery has about 5,000, a large set of keys 20,000. */
export const MAX_PROVIDER_ANSWER_BYTES = 256 * 1024;

/** From the question to the last byte of the answer, in milliseconds. */
export const PROVIDER_TIMEOUT_MS = 10_000;

/** The provider could not be asked. */
export class ProviderAway extends Error {}

/** `http:` is for a provider on this machine, where nobody listens in. Redirects are not followed. */
export function providerFetch(clock: Clock, allowsHttp: boolean): CustomFetch {
  return async (url, options) => {
    const { host, protocol, hostname } = new URL(url);
    if (protocol !== 'https:' && !(allowsHttp && isLoopbackName(hostname)))
      throw new ProviderAway(`the provider names ${url}, which is not https`);
    const late = new AbortController();
    const cancel = clock.after(PROVIDER_TIMEOUT_MS, () => {
      late.abort(new ProviderAway(`${host} has not answered within ${PROVIDER_TIMEOUT_MS / 1_000} s`));
    });
    try {
      const signal = AbortSignal.any([
        late.signal,
        ...(options.signal === undefined ? [] : [options.signal]),
      ]);
      const answer = await fetch(url, { ...(options as RequestInit), signal });
      const { headers, status } = answer;
      // Of a status without a body, none may be given either (WHATWG Fetch, "null body status").
      const body = answer.body === null ? null : await readBounded(answer.body, host);
      return new Response(body, { headers, status });
    } catch (error) {
      if (late.signal.aborted) throw late.signal.reason;
      if (error instanceof ProviderAway) throw error;
      throw new ProviderAway(`${host} cannot be reached`, { cause: error });
    } finally {
      cancel();
    }
  };
}

/** `localhost`, 127.0.0.0/8, `[::1]`: as a URL has them. */
export function isLoopbackName(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

async function readBounded(body: ReadableStream<Uint8Array>, host: string): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the stream, and so the connection.
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_PROVIDER_ANSWER_BYTES)
      throw new ProviderAway(`${host} has answered with more than ${MAX_PROVIDER_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
