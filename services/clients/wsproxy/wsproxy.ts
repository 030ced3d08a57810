// One session of wsproxy: standard input and output joined with an agent, down to the exit code.
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '#shared/clock.ts';
import { type JoinEnd, joinStreams } from '#shared/stream/join.ts';
import { fromNodeStreams } from '#shared/stream/node-stream.ts';
import { CLOSE_WITHIN_MS } from '#shared/stream/web-socket-stream.ts';
import type { Destination } from '../arguments.ts';
import { type Connected, connect } from '../connect.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { farewellOf } from '../stream-end.ts';

/**
 * When ssh has left and there is no way to the agent, it is told for so long, in milliseconds: nobody waits for this
 * program any more, but it may hold up whoever reads its standard error.
 */
const FAREWELL_WITHIN_MS = 15_000;

export interface WsproxyOptions {
  readonly destination: Destination;
  readonly input: Readable;
  readonly output: Writable;
  readonly clock: Clock;
  /** Takes a line for the person. */
  readonly report: (line: string) => void;
  /** Ends the session: what was read is delivered first. */
  readonly signal: AbortSignal;
}

/** Runs one session. Resolves with the exit code when both sides have ended; the input is not read before the relay accepted. */
export async function runWsproxy(options: WsproxyOptions): Promise<ExitCode> {
  const { destination, clock, report, signal } = options;
  const outcome = await connect({ ...destination, clock, signal, notify: report });
  switch (outcome.kind) {
    case 'connected': {
      const end = await moveBytes(options, outcome);
      await outcome.over;
      return exitCodeOf(end, outcome, report);
    }
    case 'refused':
    case 'unreachable':
      report(outcome.message);
      return EXIT_CODES[outcome.kind];
    case 'aborted':
      return EXIT_CODES.ended;
  }
}

function moveBytes(options: WsproxyOptions, { stream, isInterrupted }: Connected): Promise<JoinEnd> {
  const { input, output, clock, signal } = options;
  const { promise, resolve } = Promise.withResolvers<JoinEnd>();
  const local = fromNodeStreams(input, output, { clock, closeWithinMs: CLOSE_WITHIN_MS });
  const join = joinStreams(local, stream, {
    onward(_end, from) {
      if (from === 'left') limitFarewell();
      // Why this side is gone (ssh left, its pipe broke) is not the relay's business.
      return { reason: 'ended' };
    },
    onEnded: resolve,
  });
  let cancelFarewell = (): void => undefined;
  function limitFarewell(): void {
    cancelFarewell = clock.after(FAREWELL_WITHIN_MS, () => {
      if (isInterrupted()) stream.cut({ reason: 'lost' });
      else limitFarewell();
    });
  }
  const leave = (): void => {
    join.close({ reason: 'ended' });
  };
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  return promise.finally(() => {
    signal.removeEventListener('abort', leave);
    cancelFarewell();
  });
}

function exitCodeOf({ first, end }: JoinEnd, connected: Connected, report: (line: string) => void): ExitCode {
  const refusal = connected.hostRefusal();
  if (refusal !== undefined) {
    report(refusal);
    return EXIT_CODES.host_key_mismatch;
  }
  // The left side is ours: ssh is done.
  if (first === 'left') return EXIT_CODES.ended;
  const farewell = farewellOf(end);
  if (farewell.message !== undefined) report(farewell.message);
  return farewell.kind === 'ended' ? EXIT_CODES.ended : EXIT_CODES.unreachable;
}
