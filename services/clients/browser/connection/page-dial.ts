// Dialling from a page: one WebSocket to a relay, and what a relay says that has none for it.
//
// A page never sees the answer to a handshake that failed, so it offers REFUSAL too: a relay that refuses takes the
// WebSocket with that, says its refusal in one text message, and closes it.
import { parseRefusal, type Refusal } from '#shared/protocol/refusals.ts';
import { REFUSAL, RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import type { Clock } from '#shared/time/clock.ts';
import { WebSocketStream } from './web-socket-stream.ts';

/** Until the relay has answered, on top of what it was asked to wait, in milliseconds: it gives the agent 10 s to dial. */
export const PAGE_ANSWER_WITHIN_MS = 15_000;

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
  /** `wss://HOST/client/ID`. */
  readonly url: URL;
  /** How long the relay may wait for the agent, in whole seconds. */
  readonly waitSeconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Never rejects; after an abort the outcome is `silent`, and a socket that opens all the same is closed. */
export async function dialFromPage({
  url,
  waitSeconds,
  clock,
  signal,
}: PageDialOptions): Promise<PageDialOutcome> {
  const target = new URL(url);
  if (waitSeconds > 0) target.searchParams.set('wait', String(waitSeconds));
  const socket = new WebSocket(target, [RESUME, STREAM, REFUSAL]);
  return await new Promise((resolve) => {
    const finish = (outcome: PageDialOutcome): void => {
      cancelTimeout();
      signal.removeEventListener('abort', giveUp);
      resolve(outcome);
      if (outcome.kind !== 'open') socket.close();
    };
    const giveUp = (): void => finish({ kind: 'silent' });
    const cancelTimeout = clock.after(waitSeconds * 1_000 + PAGE_ANSWER_WITHIN_MS, giveUp);
    signal.addEventListener('abort', giveUp);
    socket.addEventListener('close', giveUp);
    socket.addEventListener('error', giveUp);
    socket.addEventListener('open', () => {
      if (signal.aborted) return giveUp();
      if (socket.protocol === REFUSAL) return;
      socket.removeEventListener('close', giveUp);
      socket.removeEventListener('error', giveUp);
      finish({ kind: 'open', stream: new WebSocketStream(socket, clock) });
    });
    socket.addEventListener('message', ({ data }) => {
      if (socket.protocol !== REFUSAL) return;
      const refusal = typeof data === 'string' ? parseRefusal(data) : undefined;
      finish(refusal === undefined ? { kind: 'silent' } : { kind: 'refused', refusal });
    });
    if (signal.aborted) giveUp();
  });
}
