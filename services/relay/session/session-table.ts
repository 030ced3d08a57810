// The sessions on this pod: a client stream and an agent stream, joined.
import { takeRandomBytes } from '#shared/machine/random-pool.ts';
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import { type Join, joinStreams, type Side } from '#shared/stream/join.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { Admittance, HeldAccount, Holder, Joiner, Log } from './needs.ts';

/**
 * How a session runs through this pod. `local`: both streams are here. `waiting`: the client is here, and the agent's
 * stream came over a hop. `forwarding`: the agent's stream is here, and goes on over a hop.
 */
export const SESSION_ROUTES = ['local', 'waiting', 'forwarding'] as const;
export type SessionRoute = (typeof SESSION_ROUTES)[number];

/** Of the handle of a session, in bytes: 12 characters that no two sessions share by chance. */
const HANDLE_BYTES = 9;

/** What is counted of sessions. Each call is cheap. */
export interface SessionRecorder {
  sessionStarted(route: SessionRoute, setUpSeconds: number): void;
  sessionEnded(route: SessionRoute, reason: CloseReason, seconds: number): void;
}

/** How a session ended. */
export interface SessionEnd {
  readonly reason: CloseReason;
  /** Who ended it: the relay also where a limit or an operator did. */
  readonly by: 'client' | 'agent' | 'relay';
  readonly seconds: number;
}

/** Hears of sessions, to keep a record. Must not throw. */
export interface SessionWitness {
  sessionStarted(session: Session): void;
  sessionEnded(session: Session, end: SessionEnd): void;
}

/** Bytes that went each way. */
export interface ByteCounts {
  toAgent: number;
  toClient: number;
}

/** One session, as the log and the list of sessions show it. */
export interface Session {
  readonly id: string;
  /** Names this session among all of the cluster; random, and no secret. */
  readonly handle: string;
  readonly client: string;
  readonly resumable: boolean;
  readonly route: SessionRoute;
  /** By which rule the client is in; undefined if none had to let it in, or if another pod did. */
  readonly admittance: Admittance | undefined;
  /** Milliseconds since the Unix epoch, to be shown. */
  readonly since: number;
  /** The same moment on the Clock, to count from. */
  readonly startedAt: number;
  /** Bytes so far. */
  readonly bytes: ByteCounts;
}

export interface SessionTableOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: SessionRecorder;
  readonly witness?: SessionWitness;
  /** By default joinStreams. */
  readonly joiner?: Joiner;
}

export interface StartOptions {
  readonly id: string;
  readonly client: string;
  readonly resumable: boolean;
  readonly route: SessionRoute;
  /** The moment from which its set-up time counts, in milliseconds on the Clock. */
  readonly knownAt: number;
  /** By which rule the client is in, if one had to let it in. */
  readonly admittance?: Admittance | undefined;
  /** Begins to count what the session moves and holds; it may then be cut. Left out: nobody counts. */
  readonly watch?: (holder: Holder) => HeldAccount | undefined;
}

const IN_JAVASCRIPT: Joiner = { join: joinStreams, count: () => undefined };

export class SessionTable {
  readonly #options: SessionTableOptions;
  readonly #joiner: Joiner;
  readonly #joins = new Map<Session, Join>();
  /** Those of them that this end has closed or cut. */
  readonly #ending = new Set<Session>();
  #onEmpty: (() => void) | undefined;
  readonly #totals: Readonly<Record<SessionRoute, ByteCounts>> = perRoute(() => ({
    toAgent: 0,
    toClient: 0,
  }));

  constructor(options: SessionTableOptions) {
    this.#options = options;
    this.#joiner = options.joiner ?? IN_JAVASCRIPT;
  }

  /** Bytes of all sessions since the start, those that run included. */
  get totals(): Readonly<Record<SessionRoute, ByteCounts>> {
    this.#joiner.count();
    return this.#totals;
  }

  get size(): number {
    return this.#joins.size;
  }

  /** How many sessions take each route. */
  get counts(): Readonly<Record<SessionRoute, number>> {
    const counts = perRoute(() => 0);
    for (const { route } of this) counts[route] += 1;
    return counts;
  }

  [Symbol.iterator](): Iterator<Session> {
    this.#joiner.count();
    return this.#joins.keys()[Symbol.iterator]();
  }

  /** Joins the two streams. The session ends on its own when one of them does. */
  start(client: ByteStream, agent: ByteStream, options: StartOptions): Session {
    const { clock, recorder, witness } = this.#options;
    const startedAt = clock.now();
    const bytes = { toAgent: 0, toClient: 0 };
    const totals = this.#totals[options.route];
    const session: Session = {
      id: options.id,
      handle: takeRandomBytes(HANDLE_BYTES).toString('base64url'),
      client: options.client,
      resumable: options.resumable,
      route: options.route,
      admittance: options.admittance,
      since: clock.wallTime(),
      startedAt,
      bytes,
    };
    recorder.sessionStarted(options.route, (startedAt - options.knownAt) / 1000);
    const account = options.watch?.({
      held: () => (client.pendingBytes ?? 0) + (agent.pendingBytes ?? 0),
      cut: (end) => {
        this.#ending.add(session);
        join.cut(end);
      },
    });
    const join = this.#joiner.join(client, agent, {
      onward,
      onBytes: (from, count) => {
        const direction = from === 'left' ? 'toAgent' : 'toClient';
        bytes[direction] += count;
        totals[direction] += count;
        account?.wrote(count);
      },
      onEnded: ({ first, end }) => {
        account?.close();
        this.#end(session, first, end);
      },
    });
    this.#joins.set(session, join);
    witness?.sessionStarted(session);
    return session;
  }

  /** Closes the sessions that `choose` picks. */
  close(reason: CloseReason, choose: (session: Session) => boolean): void {
    for (const [session, join] of this.#joins) {
      if (!choose(session)) continue;
      this.#ending.add(session);
      join.close({ reason });
    }
  }

  /** An operator ends the sessions that `choose` picks: their clients do not come back. How many they are. */
  end(choose: (session: Session) => boolean): number {
    const chosen = new Set([...this.#joins.keys()].filter(choose));
    this.close('ended_by_operator', (session) => chosen.has(session));
    return chosen.size;
  }

  /** Resolves when no session is left. */
  async empty(): Promise<void> {
    if (this.#joins.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#onEmpty;
    this.#onEmpty = () => {
      before?.();
      resolve();
    };
    await promise;
  }

  #end(session: Session, first: Side, end: StreamEnd): void {
    this.#joins.delete(session);
    const { clock, log, recorder, witness } = this.#options;
    const seconds = (clock.now() - session.startedAt) / 1000;
    const { id, client, resumable, route, bytes } = session;
    recorder.sessionEnded(route, end.reason, seconds);
    const by = this.#ending.delete(session) ? 'relay' : first === 'left' ? 'client' : 'agent';
    const fields = {
      id,
      client,
      resumable,
      route,
      reason: end.reason,
      detail: end.detail,
      by,
      ...bytes,
      seconds,
    };
    log.info(fields, 'session ended');
    witness?.sessionEnded(session, { reason: end.reason, by, seconds });
    if (this.#joins.size > 0) return;
    this.#onEmpty?.();
    this.#onEmpty = undefined;
  }
}

function perRoute<Value>(initial: () => Value): Record<SessionRoute, Value> {
  return Object.fromEntries(SESSION_ROUTES.map((route) => [route, initial()])) as Record<SessionRoute, Value>;
}

/** The reason that is passed on to one side when the other side ends: a stream that was lost there is not lost here. */
function onward(end: StreamEnd, from: Side): StreamEnd {
  switch (end.reason) {
    case 'lost':
    case 'unanswered_ping':
    case 'stuck':
      return { reason: from === 'left' ? 'going_away' : 'agent_gone' };
    case 'text_on_stream':
    case 'too_big':
    case 'fault':
      return { reason: 'going_away' };
    default:
      return { reason: end.reason };
  }
}
