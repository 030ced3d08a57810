// The client's route: /client/ID, answered once the agent's stream is there.
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PASS_HEADER } from '#shared/protocol/identity.ts';
import { parsePublicTarget } from '#shared/protocol/paths.ts';
import { parseSubprotocols, RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import { ratedStream } from '#shared/stream/rated-stream.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { Allowances } from '../../gate/allowances.ts';
import type { Entry, Gate } from '../../gate/gate.ts';
import type { Admission } from '../../limits/admission.ts';
import type { Asker } from '../../limits/client-address.ts';
import { undefinedIfRegistryIsAway } from '../../registry/registry-unavailable.ts';
import type { HeldAccount, Holder } from '../../session/needs.ts';
import type { RouteResult, Router } from '../../session/router.ts';
import type { SessionTable } from '../../session/session-table.ts';
import { DISMISSED, type WaitingClients } from '../../session/waiting-clients.ts';
import { askerOf } from '../door/asker.ts';
import { type BrowserTerms, refusedByGate, shownByClient } from '../door/gate-door.ts';
import { releaseWith } from '../door/public-door.ts';
import { Refused, refusedOver } from '../door/refusal.ts';
import { refusedId, refusedLeaving } from '../door/usual-refusals.ts';
import { type MalformedRecorder, tellMalformed } from '../listener/malformed.ts';
import { acceptStream, handshakeSocket } from '../listener/upgrade.ts';
import { watchWaitingSocket } from './waiting-socket.ts';

/** Counts what clients do on their route. */
export interface ClientRouteRecorder extends MalformedRecorder {
  /** A client went away before it had a session or an answer. */
  clientLeft(): void;
}

export interface ClientRouteOptions extends BrowserTerms {
  readonly clock: Clock;
  readonly admission: Admission;
  readonly gate: Pick<Gate, 'letIn' | 'refuseLater'>;
  readonly allowances: Pick<Allowances, 'grant'>;
  readonly router: Pick<Router, 'route'>;
  readonly sessions: SessionTable;
  readonly waiting: WaitingClients;
  readonly recorder: ClientRouteRecorder;
  /** Aborts when this pod is asked to leave. */
  readonly leaving: AbortSignal;
}

/** A client that may wait for its agent. */
interface Waiter {
  readonly id: string;
  readonly waitMs: number;
  readonly asker: Asker;
  readonly socket: Socket;
  /** The subprotocols that it offers. */
  readonly offered: readonly string[];
  /** By which rule it is in; undefined in an open relay. */
  readonly entry: Entry | undefined;
}

/** What came of the wait, and what the client sent meanwhile. */
type WaitResult =
  | {
      readonly kind: 'routed';
      readonly routed: Exclude<RouteResult, { kind: 'abandoned' }>;
      readonly early: Buffer;
    }
  | { readonly kind: 'left' | 'too_eager' | 'dismissed' | 'registry_away' };

export function registerClientRoute(app: FastifyInstance, options: ClientRouteOptions): void {
  const { admission, clock, leaving, recorder } = options;

  app.get('/client/*', async (request, reply) => {
    const target = parsePublicTarget(request.raw.url ?? '');
    if (target.kind === 'invalid_id') return refusedId(target.id);
    if (target.kind !== 'client') return new Refused('not_found', 'the path of a client is /client/ID');
    const { id } = target;
    const socket = handshakeSocket(request);
    if (socket === undefined) {
      const message = `${request.url} speaks WebSocket: use it with wsproxy or tcptows, see /`;
      return new Refused('upgrade_required', message, { fields: { id } });
    }
    if (leaving.aborted) return refusedLeaving({ id });
    const asker = askerOf(request);
    const wait = admission.admit('waiting', asker);
    if (wait.kind === 'over') return refusedOver(wait, { id });
    // A client that could get no session must not trouble the agent. The place is taken once there is a session.
    const room = admission.admit('sessions', asker);
    if (room.kind === 'over') {
      wait.slot.release();
      return refusedOver(room, { id });
    }
    room.slot.release();

    const asking = { role: 'client', id, claimHash: '', ...asker } as const;
    const verdict = await options.gate.letIn(asking, shownByClient(request, options));
    if (verdict.kind === 'refused') {
      wait.slot.release();
      return refusedByGate(verdict, { id });
    }
    const entry = verdict.kind === 'admitted' ? verdict.entry : undefined;
    const askedAt = clock.now();
    const offered = parseSubprotocols(request.headers['sec-websocket-protocol']);
    const waiter = { id, waitMs: target.waitSeconds * 1000, asker, socket, offered, entry };
    const result = await waitForAgent(options, waiter).finally(() => {
      wait.slot.release();
    });
    switch (result.kind) {
      case 'routed': {
        const { early, routed } = result;
        if (routed.kind === 'refused') return new Refused(routed.code, routed.message, { fields: { id } });
        const later = options.gate.refuseLater(asking, entry);
        if (later === undefined) return startSession(options, request, reply, waiter, routed, early);
        routed.stream.close({ reason: 'going_away' });
        return refusedByGate(later, { id });
      }
      case 'registry_away': {
        const message = 'the registry is not reachable, so the agent cannot be found: try again';
        return new Refused('registry_unavailable', message, { fields: { id } });
      }
      case 'dismissed':
        return refusedLeaving({ id });
      case 'too_eager':
        tellMalformed('early', { id, address: asker.address }, { log: reply.log, recorder });
        return hangUp(reply, socket);
      case 'left': {
        const seconds = (clock.now() - askedAt) / 1000;
        recorder.clientLeft();
        reply.log.info({ id, client: asker.address, seconds }, 'client left while waiting');
        return hangUp(reply, socket);
      }
    }
  });
}

async function waitForAgent(
  { router, waiting }: ClientRouteOptions,
  { id, waitMs, asker, socket, offered }: Waiter,
): Promise<WaitResult> {
  const over = waiting.add();
  const watched = watchWaitingSocket(socket, (why) => {
    over.abort(why);
  });
  const client = asker.address;
  const routed = await router
    .route({ id, client, resumable: offered.includes(RESUME), waitMs, signal: over.signal })
    .catch(undefinedIfRegistryIsAway)
    .finally(() => {
      waiting.remove(over);
    });
  const early = watched.release();
  if (over.signal.reason === 'too_eager') {
    // The agent's stream may have come at that very moment; it is of no use, since what the client sent is gone.
    if (routed?.kind === 'stream') routed.stream.close({ reason: 'going_away' });
    return { kind: 'too_eager' };
  }
  if (routed === undefined) return { kind: 'registry_away' };
  if (routed.kind !== 'abandoned') return { kind: 'routed', routed, early };
  return { kind: over.signal.reason === DISMISSED ? 'dismissed' : 'left' };
}

async function startSession(
  { admission, allowances, clock, recorder, sessions }: ClientRouteOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  { id, asker, socket, offered, entry }: Waiter,
  { knownAt, route, standing, stream: agentStream }: Extract<RouteResult, { kind: 'stream' }>,
  early: Buffer,
): Promise<FastifyReply | Refused> {
  const granted = await allowances.grant(id, standing);
  if (granted.kind === 'refused') {
    agentStream.close({ reason: 'going_away' });
    return new Refused(granted.code, granted.message, { fields: { id, rule: standing?.rule } });
  }
  const { allowance } = granted;
  const place = admission.admit('sessions', asker);
  if (place.kind === 'over') {
    allowance?.release();
    agentStream.close({ reason: 'going_away' });
    return refusedOver(place, { id });
  }
  releaseWith(socket, place.slot);
  const client = asker.address;
  const protocol = [RESUME, STREAM].find((choice) => offered.includes(choice));
  const headers = entry === undefined ? {} : { [PASS_HEADER]: entry.pass };
  const clientStream = acceptStream(request, reply, { protocol, early, headers, clock });
  if (clientStream === undefined) {
    allowance?.release();
    recorder.clientLeft();
    reply.log.info({ id, client }, 'client left at the upgrade');
    agentStream.close({ reason: 'going_away' });
    return reply;
  }
  const watch = (holder: Holder) => both(admission.watch(asker, holder), allowance?.watch(holder));
  const resumable = offered.includes(RESUME);
  const meter = allowance?.meter;
  const rated = (stream: ByteStream) => (meter === undefined ? stream : ratedStream(stream, meter, clock));
  const facts = { id, client, resumable, route, knownAt, admittance: entry?.admittance };
  sessions.start(rated(clientStream), rated(agentStream), { ...facts, watch });
  return reply;
}

/** Charges both accounts. */
function both(one: HeldAccount | undefined, other: HeldAccount | undefined): HeldAccount | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return {
    wrote(bytes) {
      one.wrote(bytes);
      other.wrote(bytes);
    },
    close() {
      one.close();
      other.close();
    },
  };
}

/** Ends the connection without an answer. */
function hangUp(reply: FastifyReply, socket: Socket): FastifyReply {
  reply.hijack();
  socket.destroy();
  return reply;
}
