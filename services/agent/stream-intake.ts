// The intake of streams: answers a relay's dials, and turns each stream into a connection of the SSH server.
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { clientAddressFrom } from '#shared/client-address.ts';
import type { Clock } from '#shared/clock.ts';
import { pause } from '#shared/pause.ts';
import type { Dial } from '#shared/protocol/control-messages.ts';
import { agentPath } from '#shared/protocol/paths.ts';
import { REFUSALS } from '#shared/protocol/refusals.ts';
import type { ResumeEvent } from '#shared/resume/resume-events.ts';
import { SessionTable } from '#shared/resume/session-table.ts';
import { Backoff } from '#shared/stream/backoff.ts';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import { dialFailureFrom, waitFor } from '#shared/stream/dial-failure.ts';
import { duplexOf } from '#shared/stream/duplex.ts';
import { DIAL_TIMEOUT_MS, dialAgentStream, type RelayTarget } from './relay-dialler.ts';
import type { Client } from './ssh/ssh-options.ts';

/** A stream that does not open is tried again, in milliseconds between attempts: the client is waiting. */
const BACKOFF = { firstMs: 100, maxMs: 1_000 } as const;

export interface StreamIntakeOptions {
  readonly target: RelayTarget;
  readonly clock: Clock;
  readonly random: () => number;
  readonly resumeWindowMs: number;
  /** A new session. `address` is that of the client, as the relay sees it. */
  readonly onSession: (duplex: Duplex, client: Client) => void;
  /** A session was detached, resumed, given up or refused. */
  readonly onEvent: (event: ResumeEvent, address: string) => void;
  /** A dial that came to nothing; one line. */
  readonly onFailed: (detail: string, address: string) => void;
}

export interface StreamIntake {
  /** Opens the stream that the relay asks for. */
  answer(dial: Dial): void;
  /** Sessions that are without a transport now. */
  detached(): number;
  /** Waits until the last bytes of all sessions are taken, up to `withinMs`; then cuts what is left. */
  stop(end: StreamEnd, withinMs: number): Promise<void>;
}

/** Nothing is opened before the first `answer`. */
export function createStreamIntake(options: StreamIntakeOptions): StreamIntake {
  const { target, clock, onSession, onEvent, onFailed } = options;
  const stopping = new AbortController();
  /** Sessions whose client program reset them: it had lost its own side (an ssh that was killed), and said so. */
  const left = new Set<string>();
  const sessions = new SessionTable<string>({
    clock,
    resumeWindowMs: options.resumeWindowMs,
    onSession(stream, origin) {
      const key = origin.kind === 'resumable' ? origin.sessionId : '';
      let isLost = false;
      const duplex = duplexOf(stream, ({ reason }) => {
        isLost = !left.delete(key) && reason !== 'ended';
      });
      onSession(duplex, { id: randomUUID(), address: origin.info, isLost: () => isLost });
    },
    onEvent(event, { sessionId, info: address }) {
      const isReset = event.kind === 'reset' && event.by === 'peer' && event.code === 'aborted';
      if (isReset && sessionId !== undefined) left.add(sessionId);
      onEvent(event, address);
    },
  });

  // The ticket in the path is nobody's business.
  const route = { relay: new URL(`${target.base}${agentPath(target.id)}`), proxy: target.proxy };

  async function open({ ticket, client: told, resumable }: Dial): Promise<void> {
    // It goes into the log, and into the environment of every shell.
    const client = clientAddressFrom(told);
    const { signal } = stopping;
    const backoff = new Backoff({ ...BACKOFF, random: options.random });
    const reading = resumable ? 'eager' : 'paced';
    const until = clock.now() + DIAL_TIMEOUT_MS;
    for (;;) {
      const outcome = await dialAgentStream(target, ticket, { clock, reading, signal });
      if (outcome.kind === 'open') {
        sessions.accept(outcome.stream, { expects: resumable ? 'resume' : 'unknown', info: client });
        return;
      }
      if (signal.aborted) return;
      const failure = dialFailureFrom(outcome, route);
      const isFinal = failure.kind === 'refusal' && !REFUSALS[failure.code].retry;
      if (isFinal || clock.now() >= until) return onFailed(failure.message, client);
      const asked = failure.kind === 'silence' ? 0 : waitFor(failure, options.random);
      await pause(clock, Math.max(backoff.next(), Math.min(asked, until - clock.now())), signal);
    }
  }

  return {
    answer(dial) {
      void open(dial);
    },
    detached: () => sessions.counts.detached,
    async stop(end, withinMs) {
      stopping.abort();
      await sessions.emptied(withinMs);
      sessions.stop(end);
    },
  };
}
