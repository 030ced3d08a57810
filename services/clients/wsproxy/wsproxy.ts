// One run of wsproxy: standard input and output joined with an agent, down to the exit code.
import type { Readable, Writable } from 'node:stream';
import { fromNodeStreams } from '#shared/stream/node-stream.ts';
import type { Clock } from '#shared/time/clock.ts';
import { CLOSE_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import type { ClientDestination } from '../command-line/destination.ts';
import { CLIENT_EXIT_CODES, type ClientExitCode } from '../command-line/exit-code.ts';
import { connect } from '../connection/connect.ts';
import type { Notify } from '../connection/notice.ts';
import { runVisit, type VisitEnd } from '../connection/visit.ts';
import type { ClientIdentity } from '../identity/client-prover.ts';
import { introduce } from '../identity/introduce.ts';

export interface WsproxyOptions {
  readonly destination: ClientDestination;
  readonly identity: ClientIdentity;
  readonly input: Readable;
  readonly output: Writable;
  readonly clock: Clock;
  /** Called when there is a way to the agent, before the first byte moves. */
  readonly onConnected?: () => void;
  readonly report: Notify;
  /** Ends the visit: what was read is delivered first. */
  readonly signal: AbortSignal;
}

const EXIT_CODE_OF_END: Readonly<Record<VisitEnd['kind'], ClientExitCode>> = {
  ended: CLIENT_EXIT_CODES.ended,
  broken: CLIENT_EXIT_CODES.unreachable,
  host_refused: CLIENT_EXIT_CODES.host_key_mismatch,
};

/** Runs one visit. Resolves with the exit code when both sides have ended; the input is not read before the relay accepted. */
export async function runWsproxy(options: WsproxyOptions): Promise<ClientExitCode> {
  const { destination, identity, input, output, clock, report, signal } = options;
  const { target, proxy } = destination;
  const introduction = introduce({
    identity,
    ...target,
    proxy,
    clock,
    notify: (line) => report(line),
    signal,
  });
  const outcome = await connect({ ...destination, introduction, clock, signal, notify: report });
  switch (outcome.kind) {
    case 'connected': {
      options.onConnected?.();
      const local = fromNodeStreams(input, output, { clock, closeWithinMs: CLOSE_WITHIN_MS });
      const end = await runVisit({ local, connected: outcome, clock, signal });
      if (end.message !== undefined) report(end.message);
      return EXIT_CODE_OF_END[end.kind];
    }
    case 'refused':
    case 'unreachable':
      report(outcome.message);
      return CLIENT_EXIT_CODES[outcome.kind];
    case 'aborted':
      return CLIENT_EXIT_CODES.ended;
  }
}
