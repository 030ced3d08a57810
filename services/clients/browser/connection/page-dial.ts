// Dialling from a page: one WebSocket to a relay, and at its door the reason why there was none.
//
// A page never sees the answer to a handshake that failed (R-PATH-7): it asks the relay's door afterwards, by a request that
// it may read.
import { terminalDoorPath } from '#shared/protocol/paths.ts';
import { MAX_REFUSAL_BYTES, parseRefusal, type Refusal } from '#shared/protocol/refusals.ts';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import type { Clock } from '#shared/time/clock.ts';
import { takeClientSocket } from './early-socket.ts';
import type { JobUrl } from './job-url.ts';
import { WebSocketStream } from './web-socket-stream.ts';

/** Until the relay has answered, on top of what it was asked to wait, in milliseconds: it gives the agent 10 s to dial. */
export const PAGE_ANSWER_WITHIN_MS = 15_000;
/** Until its door has answered. */
const DOOR_WITHIN_MS = 5_000;

/** A transport of which one can see whether anything moves. */
export interface PageStream extends ByteStream {
  readonly movedBytes: number;
}

export type PageDialOutcome =
  | { readonly kind: 'open'; readonly stream: PageStream }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** Nobody there, or somebody who says no without words. */
  | { readonly kind: 'silent' };

export interface PageDialOptions {
  readonly target: JobUrl;
  /** How long the relay may wait for the agent, in whole seconds. */
  readonly waitSeconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Never rejects; after an abort the outcome is `silent`, and a socket that opens all the same is closed. */
export async function dialFromPage(options: PageDialOptions): Promise<PageDialOutcome> {
  const stream = await openSocket(options);
  if (stream !== undefined) return { kind: 'open', stream };
  const refusal = options.signal.aborted ? undefined : await askDoor(options);
  return refusal === undefined ? { kind: 'silent' } : { kind: 'refused', refusal };
}

async function openSocket(options: PageDialOptions): Promise<PageStream | undefined> {
  const { target, waitSeconds, clock, signal } = options;
  const url = new URL(target.url);
  if (waitSeconds > 0) url.searchParams.set('wait', String(waitSeconds));
  const socket = takeClientSocket(url.href);
  if (socket === undefined) return undefined;
  const { promise, resolve } = Promise.withResolvers<'open' | 'failed'>();
  const fail = (): void => resolve('failed');
  // One that was dialled early may have its answer.
  if (socket.readyState === socket.OPEN) resolve('open');
  else if (socket.readyState !== socket.CONNECTING) fail();
  const listening = new AbortController();
  socket.addEventListener('open', () => resolve('open'), { signal: listening.signal });
  socket.addEventListener('close', fail, { signal: listening.signal });
  socket.addEventListener('error', fail, { signal: listening.signal });
  signal.addEventListener('abort', fail, { signal: listening.signal });
  const cancelTimeout = clock.after(waitSeconds * 1_000 + PAGE_ANSWER_WITHIN_MS, fail);
  // What the socket says from here on is heard by the stream alone, from its first message on.
  const stream = new WebSocketStream(socket, clock);
  const outcome = signal.aborted ? 'failed' : await promise;
  cancelTimeout();
  listening.abort();
  if (outcome === 'open') return stream;
  stream.cut({ reason: 'ended' });
  return undefined;
}

/** Undefined if it says nothing that can be read, or that the way is open now. */
async function askDoor({ target, clock, signal }: PageDialOptions): Promise<Refusal | undefined> {
  const url = new URL(target.url.href.replace(/^ws/, 'http'));
  url.pathname = url.pathname.replace(/\/client\/[^/]*$/, terminalDoorPath(target.id));
  const giveUp = new AbortController();
  const cancelTimeout = clock.after(DOOR_WITHIN_MS, () => giveUp.abort());
  try {
    // The cookie of single sign-on goes along where the page is the relay's own, as with the WebSocket.
    const request = { method: 'POST', signal: AbortSignal.any([signal, giveUp.signal]) } as const;
    const answer = await fetch(url, request);
    const text = await shortText(answer);
    const refusal = text === undefined ? undefined : parseRefusal(text);
    // Of the door itself: an older relay has none, or it is switched off.
    return refusal?.code === 'not_found' ? undefined : refusal;
  } catch {
    return undefined;
  } finally {
    cancelTimeout();
  }
}

/** Undefined if it is longer than a refusal; the rest is not waited for. */
async function shortText({ body }: Response): Promise<string | undefined> {
  if (body === null) return '';
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (let read = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    read += value.length;
    if (read > MAX_REFUSAL_BYTES) {
      await reader.cancel();
      return undefined;
    }
    text += decoder.decode(value, { stream: true });
  }
}
