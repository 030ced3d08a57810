// The outcome of a dial that opened no WebSocket, as a value. dial-failure-text.ts says what it means to a person.
import type { IncomingMessage } from 'node:http';
import { MAX_REFUSAL_BYTES, parseRefusal, type Refusal } from '#shared/protocol/refusals.ts';
import { parseRetryAfter } from '#shared/protocol/retry-after.ts';
import { Untrusted } from '#shared/text/untrusted.ts';

export type FailedDial =
  /** Something answered with HTTP; `refusal` only if it was a relay. */
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly refusal: Refusal | undefined;
      /** The wait that it asks for, in milliseconds. */
      readonly retryAfterMs?: number;
    }
  /** Nothing answered. `code` is the system's word (ECONNREFUSED, ENOTFOUND, …) or TIMEOUT, ABORTED, PROTOCOL. */
  | { readonly kind: 'unreachable'; readonly code: string; readonly detail: string | Untrusted };

/** What an answer that is not an upgrade says. Never rejects. */
export async function refusedBy(response: IncomingMessage): Promise<FailedDial> {
  const { statusCode: status = 0, headers } = response;
  const refusal = await readRefusal(response);
  const retryAfterMs = parseRetryAfter(status, headers['retry-after']);
  return { kind: 'refused', status, refusal, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** Reads the body of a refusal, bounded in size; a body that breaks off counts as none. */
function readRefusal(response: IncomingMessage): Promise<Refusal | undefined> {
  const { promise, resolve } = Promise.withResolvers<Refusal | undefined>();
  let body = '';
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    if (body.length < MAX_REFUSAL_BYTES) body += text;
  });
  response.on('close', () => {
    resolve(parseRefusal(body));
  });
  response.on('error', () => {
    resolve(undefined);
  });
  return promise;
}

/** What https-proxy-agent says, without a code, of a proxy that hangs up before it has answered. */
const PROXY_HUNG_UP = /^Proxy connection ended before/;

export function unreachableFrom(error: NodeJS.ErrnoException): FailedDial {
  // Node tries every address of a name and reports all failures in one error without a message of its own.
  const cause: NodeJS.ErrnoException =
    error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  const code = cause.code ?? (PROXY_HUNG_UP.test(cause.message) ? 'ECONNRESET' : 'PROTOCOL');
  // It quotes what the other side sent: names in a certificate, a header, a line that is no HTTP.
  return { kind: 'unreachable', code, detail: new Untrusted(cause.message) };
}
