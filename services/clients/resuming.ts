// Resuming: a stream to an agent that outlives the transports below it.
import { randomBytes } from 'node:crypto';
import type { Clock } from '#shared/clock.ts';
import { REFUSALS } from '#shared/protocol/refusals.ts';
import { ClientEnd, type DialOutcome as Redial, type ResumeStatus } from '#shared/resume/client-end.ts';
import { RESUME_WINDOW_MS } from '#shared/resume/limits.ts';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import type { DialOutcome } from '#shared/stream/dial.ts';
import { webSocketStream } from '#shared/stream/web-socket-stream.ts';
import { formatDuration } from './duration.ts';
import { failureOfAnswer, failureOfSilence, printable, type Route } from './failure.ts';

/** A relay holds a re-dial for so long while the agent finds its way back, in seconds: one answer instead of many. */
export const REDIAL_WAIT_SECONDS = 5;

export interface ResumingOptions {
  readonly first: Extract<DialOutcome, { kind: 'open' }>;
  /** Asks a relay for another transport. */
  readonly redial: (signal: AbortSignal) => Promise<DialOutcome>;
  /** How it does that, for the messages. */
  readonly route: Route;
  readonly clock: Clock;
  readonly random: () => number;
  /** Takes a line for the person. */
  readonly notify: (line: string) => void;
}

export interface Resuming {
  /** Nobody has attached to it. */
  readonly stream: ByteStream;
  /** Resolves when nothing more will be sent: a program must live until then. */
  readonly over: Promise<void>;
  /** Whether there is no way to the agent at the moment. */
  readonly isInterrupted: () => boolean;
}

/** Opens a session on the transport that is there, and goes on over others when that one is lost. */
export function resumeOver(options: ResumingOptions): Resuming {
  const { clock, random, notify, redial, route } = options;
  let first: ResumingOptions['first'] | undefined = options.first;
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const end = new ClientEnd({
    clock,
    random,
    randomBytes,
    resumeWindowMs: RESUME_WINDOW_MS,
    async dial({ signal }) {
      const opened = first;
      first = undefined;
      return outcomeOf(opened ?? (await redial(signal)), clock, route);
    },
    onStatus(status) {
      notify(lineOf(status));
    },
    onEvent() {
      // The agent's log tells of these; a person hears of interruptions only.
    },
    onOver() {
      resolve();
    },
  });
  end.start();
  return { stream: end.stream, over, isInterrupted: () => end.status.kind !== 'connected' };
}

/** A session that exists has more patience than a new one: what may be a passing trouble is taken for one. */
function outcomeOf(outcome: DialOutcome, clock: Clock, route: Route): Redial {
  switch (outcome.kind) {
    case 'open':
      return { kind: 'open', transport: webSocketStream(outcome.socket, outcome.transport, clock, 'eager') };
    case 'unreachable':
      return { kind: 'retry', detail: failureOfSilence(outcome, route).message };
    case 'refused': {
      const { refusal } = outcome;
      if (refusal === undefined) return { kind: 'retry', detail: failureOfAnswer(outcome, route).message };
      const detail = `${route.target.url.host} refused: ${printable(refusal.message)} (${refusal.code})`;
      if (REFUSALS[refusal.code].retry) return { kind: 'retry', detail };
      return { kind: 'fatal', end: { reason: 'fault', detail } };
    }
  }
}

function lineOf(status: ResumeStatus): string {
  if (status.kind === 'restored') return `back after ${seconds(status.afterMs)}; the session goes on`;
  const why = status.detail === undefined ? '' : ` (${status.detail})`;
  const patience = formatDuration(RESUME_WINDOW_MS);
  return `no way to the agent at the moment${why}; dialling again for up to ${patience}, the session waits`;
}

function seconds(ms: number): string {
  return `${Math.max(1, Math.round(ms / 1000))} s`;
}
