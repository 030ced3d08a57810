// The intake of streams: answers a relay's dials, and turns each stream into a connection of the SSH server.
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Dial } from '#shared/protocol/control-messages.ts';
import { agentPath } from '#shared/protocol/paths.ts';
import { REFUSALS } from '#shared/protocol/refusals.ts';
import type { ResumeEvent } from '#shared/resume/resume-events.ts';
import { ResumableStreamTable } from '#shared/resume/stream-table.ts';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import { duplexOf } from '#shared/stream/duplex.ts';
import { Backoff } from '#shared/time/backoff.ts';
import type { Clock } from '#shared/time/clock.ts';
import { pause } from '#shared/time/pause.ts';
import { dialFailureFrom, waitFor } from '#shared/websocket/dial-failure-text.ts';
import type { Client } from '../crowd/client.ts';
import { type Arrival, Arrivals } from './arrivals.ts';
import { dialAgentStream, RELAY_DIAL_TIMEOUT_MS, type RelayTarget } from './relay-dialler.ts';

/** Between two attempts to open a stream, in milliseconds: the client is waiting. */
const BACKOFF = { firstMs: 100, maxMs: 1_000 } as const;

export interface StreamIntakeOptions {
  readonly target: RelayTarget;
  readonly clock: Clock;
  readonly random: () => number;
  readonly resumeWindowMs: number;
  /** How many are logged in from the source of this address, including those without a transport. */
  readonly loggedInFrom: (address: string) => number;
  readonly events: StreamEvents;
}

/** What an intake reports; an address is that of the client, as the relay sees it. */
export interface StreamEvents {
  /** A new stream of a client. */
  readonly onStream: (duplex: Duplex, client: Client) => void;
  /** So many bytes of a client came in or went out. Called for every chunk. */
  readonly onMoved: (bytes: number) => void;
  /** A stream was detached, resumed, given up or refused. */
  readonly onEvent: (event: ResumeEvent, address: string) => void;
  /** A stream was cut for another one, or not opened. As often as a stranger likes. */
  readonly onTurnedAway: (address: string) => void;
  /** A stream could not be opened; one line says why. */
  readonly onFailed: (detail: string, address: string) => void;
}

/** The intake of one agent. */
export interface StreamIntake {
  /** Opens the stream that the relay asks for. */
  answer(dial: Dial): void;
  /** Streams that are without a transport now. */
  detached(): number;
  /** Waits until the last bytes of all streams are taken, up to `withinMs`; then cuts what is left. */
  stop(end: StreamEnd, withinMs: number): Promise<void>;
}

/** Nothing is opened before the first `answer`. */
export function createStreamIntake(options: StreamIntakeOptions): StreamIntake {
  const { target, clock, random, loggedInFrom, events } = options;
  const arrivals = new Arrivals({ clock, random, loggedInFrom, onTurnedAway: events.onTurnedAway });
  /** Streams that were reset by their client program because its own side was gone (an ssh that was killed). */
  const left = new Set<string>();
  const streams = new ResumableStreamTable<string>({
    clock,
    resumeWindowMs: options.resumeWindowMs,
    onStream(stream, origin) {
      const key = origin.kind === 'resumable' ? origin.streamId : '';
      let isLost = false;
      const duplex = duplexOf(stream, {
        ended({ reason }) {
          isLost = !left.delete(key) && reason !== 'ended';
        },
        moved: events.onMoved,
      });
      const discard = (): void => stream.cut({ reason: 'ended' });
      const isDetached = (): boolean => streams.isDetached(key);
      const id = randomUUID();
      events.onStream(duplex, { id, address: origin.info, isLost: () => isLost, isDetached, discard });
    },
    onEvent(event, { streamId, info: address }) {
      const isReset = event.kind === 'reset' && event.by === 'peer' && event.code === 'aborted';
      if (isReset && streamId !== undefined) left.add(streamId);
      events.onEvent(event, address);
    },
  });

  // For messages: without the ticket, which is a secret, in its path.
  const via = { relay: new URL(`${target.base}${agentPath(target.id)}`), proxy: target.proxy };

  async function open({ ticket, client, resumable }: Dial, arrival: Arrival): Promise<void> {
    const { signal } = arrival.dialling;
    const backoff = new Backoff({ ...BACKOFF, random });
    const reading = resumable ? 'eager' : 'paced';
    const until = clock.now() + RELAY_DIAL_TIMEOUT_MS;
    for (;;) {
      const outcome = await dialAgentStream(target, ticket, { clock, reading, signal });
      if (outcome.kind === 'open') {
        const { stream } = outcome;
        // It had to make room, or the agent ended, while the last bytes of the handshake came in.
        if (signal.aborted) return stream.cut({ reason: 'fault' });
        const expects = resumable ? 'resume' : 'unknown';
        const cut = streams.accept(stream, { expects, info: client, onSettled: () => arrival.leave() });
        arrival.stage = { kind: 'open', cut };
        return;
      }
      if (signal.aborted) return;
      const failure = dialFailureFrom(outcome, via);
      const isFinal = failure.kind === 'refusal' && !REFUSALS[failure.code].retry;
      if (isFinal || clock.now() >= until) {
        arrival.leave();
        return events.onFailed(failure.message, client);
      }
      const asked = failure.kind === 'silence' ? 0 : waitFor(failure, random);
      await pause(clock, Math.max(backoff.next(), Math.min(asked, until - clock.now())), signal);
    }
  }

  return {
    answer(dial) {
      const arrival = arrivals.comeIn(dial.client);
      if (arrival !== undefined) void open(dial, arrival);
    },
    detached: () => streams.counts.detached,
    async stop(end, withinMs) {
      arrivals.stop();
      await streams.emptied(withinMs);
      streams.stop(end);
    },
  };
}
