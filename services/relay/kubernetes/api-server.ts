// The API server as the cluster needs it: one request, one answer that comes in chunks, no silence without an end.
import type { Clock } from '#shared/time/clock.ts';

/**
 * How long the API server may take for a list or a patch, in milliseconds; it needs well under a second, also when it is
 * busy.
 */
export const API_ANSWER_WITHIN_MS = 10_000;

/** The longest answer that is read as a whole: 1,000 pods take 0.5 MB. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/** The longest event of a watch: it holds one object, which etcd limits to 1.5 MiB. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;

export interface ApiRequest {
  readonly method: 'GET' | 'PATCH';
  /** From the root: `/api/v1/…`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly contentType: string; readonly text: string };
}

export interface ApiAnswer {
  readonly status: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface ApiServer {
  /**
   * Sends a request and gives the head of the answer. Rejects when there is none, and so does reading its chunks once
   * `signal` aborts. The caller aborts the signal when it is done: that frees the connection.
   */
  send(request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer>;
}

/** What cuts an exchange short. */
export interface ExchangeLimits {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Between two chunks of the answer, in milliseconds; API_ANSWER_WITHIN_MS until its first. */
  readonly silenceMs: number;
}

/** One exchange: `use` reads the answer. Rejects as `send` does, and when the API server falls silent. */
export async function exchange<Result>(
  api: ApiServer,
  request: ApiRequest,
  { clock, signal, silenceMs }: ExchangeLimits,
  use: (answer: ApiAnswer) => Promise<Result>,
): Promise<Result> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const cutAfter = (ms: number) =>
    clock.after(ms, () => {
      over.abort(new Error(`the API server was silent for ${ms / 1000} s`));
    });
  let cancel = cutAfter(API_ANSWER_WITHIN_MS);
  async function* watched(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const chunk of chunks) {
      cancel();
      cancel = cutAfter(silenceMs);
      yield chunk;
    }
  }
  try {
    const answer = await api.send(request, either);
    cancel();
    cancel = cutAfter(silenceMs);
    return await use({ status: answer.status, chunks: watched(answer.chunks) });
  } catch (error) {
    throw either.aborted ? either.reason : error;
  } finally {
    cancel();
    over.abort();
  }
}

/** The whole answer. Rejects when it is longer than any that makes sense. */
export async function readText(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > MAX_TEXT_BYTES) throw new Error(`the answer is longer than ${MAX_TEXT_BYTES} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** The lines of an answer as they come. What follows the last line feed was cut off, and is dropped. */
export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_BYTES) throw new Error(`an event is longer than ${MAX_LINE_BYTES} bytes`);
    for (const line of lines) if (line !== '') yield line;
  }
}
