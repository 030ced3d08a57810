// Resuming: a stream to an agent that outlives the transports below it.
import { randomBytes } from 'node:crypto';
import { REFUSALS } from '#shared/protocol/refusals.ts';
import { ClientEnd, type TransportOutcome as Redial, type ResumeStatus } from '#shared/resume/client-end.ts';
import { RESUME_WINDOW_MS } from '#shared/resume/limits.ts';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import { shown, type Untrusted } from '#shared/text/untrusted.ts';
import type { Clock } from '#shared/time/clock.ts';
import { formatDuration, formatElapsed } from '#shared/time/duration.ts';
import { type DialledVia, dialFailureFrom, waitFor } from '#shared/websocket/dial-failure-text.ts';
import type { StreamDialOutcome } from '#shared/websocket/dial-stream.ts';
import type { IntroducedOutcome } from '../identity/introduction.ts';
import type { Happening, Notify } from './notice.ts';

/** A relay holds a re-dial for this long while the agent finds its way back, in seconds: one answer instead of many. */
export const REDIAL_WAIT_SECONDS = 5;

/** An agent that was reached and does not open the stream is asked again for at least this time, in milliseconds. */
export const OPEN_PATIENCE_MS = 30_000;

/** A stream that exists has less time than a new one: no wait that a relay asks for is longer, in milliseconds. */
export const LONGEST_REDIAL_WAIT_MS = 15_000;

const HAPPENINGS: Readonly<Record<ResumeStatus['kind'], Happening>> = {
  unanswered: 'note',
  answered: 'note',
  interrupted: 'lost',
  restored: 'resumed',
};

export interface ResumingOptions {
  readonly first: Extract<StreamDialOutcome, { kind: 'open' }>;
  /** Asks a relay for another transport. */
  readonly redial: (signal: AbortSignal) => Promise<IntroducedOutcome>;
  /** How it does that, for the messages. */
  readonly via: DialledVia;
  /** How long the person waits for an agent, in milliseconds. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Takes a line for the person. */
  readonly notify: Notify;
}

export interface Resuming {
  /** To the agent's SSH server. Nobody has attached to it. */
  readonly stream: ByteStream;
  /** Resolves when nothing more will be sent: a program must live until then. */
  readonly over: Promise<void>;
  /** Whether there is no way to the agent at the moment. */
  readonly isInterrupted: () => boolean;
}

/** Opens a resumable stream on the transport that is there; it goes on over others when that one is lost. */
export function resumeOver(options: ResumingOptions): Resuming {
  const { clock, random, notify, redial, via } = options;
  let first: ResumingOptions['first'] | undefined = options.first;
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const end = new ClientEnd({
    clock,
    random,
    randomBytes,
    resumeWindowMs: RESUME_WINDOW_MS,
    openWindowMs: Math.max(OPEN_PATIENCE_MS, options.waitMs),
    async dial(signal) {
      const opened = first;
      first = undefined;
      return outcomeOf(opened ?? (await redial(signal)), via, random);
    },
    onStatus(status) {
      notify(lineOf(status), HAPPENINGS[status.kind]);
    },
    onEvent() {
      // The agent's log reports these; a person hears of interruptions only.
    },
    onOver() {
      resolve();
    },
  });
  end.start();
  return { stream: end.stream, over, isInterrupted: () => end.state !== 'carried' };
}

/** A stream that exists has more patience than a new one: what may be a passing trouble is taken for one. */
function outcomeOf(outcome: IntroducedOutcome, via: DialledVia, random: () => number): Redial {
  if (outcome.kind === 'open') return { kind: 'open', transport: outcome.stream };
  if (outcome.kind === 'unproved' && outcome.passes)
    return { kind: 'retry', detail: outcome.message, waitMs: 0 };
  if (outcome.kind === 'unproved')
    return { kind: 'fatal', end: { reason: 'fault', detail: outcome.message } };
  const failure = dialFailureFrom(outcome, via);
  const isFinal = failure.kind === 'refusal' && !REFUSALS[failure.code].retry;
  return isFinal
    ? { kind: 'fatal', end: { reason: 'fault', detail: failure.message } }
    : {
        kind: 'retry',
        detail: failure.message,
        waitMs: Math.min(LONGEST_REDIAL_WAIT_MS, failure.kind === 'silence' ? 0 : waitFor(failure, random)),
      };
}

function lineOf(status: ResumeStatus): string {
  switch (status.kind) {
    case 'unanswered':
      return `the agent does not answer${why(status)}; trying again for up to ${formatDuration(status.windowMs)}`;
    case 'answered':
      return `the agent answered after ${formatElapsed(status.afterMs)}`;
    case 'interrupted': {
      const patience = `for up to ${formatDuration(status.windowMs)}`;
      return `no way to the agent at the moment${why(status)}; dialling again ${patience}, the session waits`;
    }
    case 'restored':
      return `back after ${formatElapsed(status.afterMs)}; the session goes on`;
  }
}

function why({ detail }: { readonly detail?: string | Untrusted }): string {
  return detail === undefined ? '' : ` (${shown(detail)})`;
}
