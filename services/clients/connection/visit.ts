// A visit: a local side joined with an agent, down to what a person should know of its end.
import { CLOSE_REASONS } from '#shared/protocol/close-reasons.ts';
import type { ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import { type JoinEnd, joinStreams } from '#shared/stream/join.ts';
import { shown } from '#shared/text/untrusted.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { Connected } from './connect.ts';

/**
 * After one side has left, a way to the agent is tried for this long, in milliseconds, so that the agent hears of it: a network
 * that swallows the goodbye is seen after 25 s (keepalive.ts), a dial into it hangs for 15 s, and the next one may take as long.
 * No longer, because nobody waits for that any more, and a program that goes on may hold up whoever reads its standard error.
 */
export const FAREWELL_WITHIN_MS = 60_000;

export type VisitEnd =
  /** As designed; `message` only if the person may wonder. */
  | { readonly kind: 'ended'; readonly message: string | undefined }
  /** Somebody or something broke it. */
  | { readonly kind: 'broken'; readonly message: string }
  /** The host is not the one that the URL names. */
  | { readonly kind: 'host_refused'; readonly message: string };

export interface VisitOptions {
  /** Nobody has attached to it. */
  readonly local: ByteStream;
  readonly connected: Connected;
  readonly clock: Clock;
  /** Ends the visit: what was read is delivered first. */
  readonly signal: AbortSignal;
}

/** Moves bytes until both sides have ended, and the agent has been notified. Never rejects. */
export async function runVisit({ local, connected, clock, signal }: VisitOptions): Promise<VisitEnd> {
  const { stream, over, isInterrupted, hostRefusal } = connected;
  const { promise, resolve } = Promise.withResolvers<JoinEnd>();
  let cancelFarewell: Cancel = () => undefined;
  function limitFarewell(): void {
    cancelFarewell = clock.after(FAREWELL_WITHIN_MS, () => {
      if (isInterrupted()) stream.cut({ reason: 'lost' });
      else limitFarewell();
    });
  }
  const join = joinStreams(local, stream, {
    onward() {
      limitFarewell();
      // Why this side is gone (ssh left, its pipe broke) is not the relay's business.
      return { reason: 'ended' };
    },
    onEnded: resolve,
  });
  local.resume();
  const leave = (): void => {
    join.close({ reason: 'ended' });
  };
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  const { first, end } = await promise;
  await over;
  signal.removeEventListener('abort', leave);
  cancelFarewell();
  const refusal = hostRefusal();
  if (refusal !== undefined) return { kind: 'host_refused', message: refusal };
  // The left side is ours: its owner knows why it left.
  return first === 'left' ? { kind: 'ended', message: undefined } : endFrom(end);
}

function endFrom({ reason, detail }: StreamEnd): VisitEnd {
  const { kind, meaning } = CLOSE_REASONS[reason];
  if (reason === 'ended') return { kind: 'ended', message: undefined };
  return kind === 'ended'
    ? { kind, message: `the connection was closed: ${meaning}` }
    : { kind: 'broken', message: `the connection broke: ${shown(detail ?? meaning)}` };
}
