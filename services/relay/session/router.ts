// The router: finds the agent of an ID and gets a stream from it. Local first, then one hop, then a clear no.

import type { RefusalCode } from '#shared/protocol/refusals.ts';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { ClusterKey } from '../hop/cluster-key.ts';
import type { PeerDialler } from '../hop/peer-dialler.ts';
import { sealTicket, TICKET_LIFE_MS } from '../hop/ticket.ts';
import type { Cluster } from '../kubernetes/cluster.ts';
import type { Owner, RegistryEntry, SessionRegistry } from '../registry/registry.ts';
import type { Agent, AgentTable } from './agent-table.ts';
import { AGENT_DIAL_TIMEOUT_MS, type DialResult, type PendingDials } from './pending-dials.ts';
import type { Log, Recorder, SessionRoute } from './ports.ts';

export interface RouterOptions {
  readonly agents: AgentTable;
  readonly dials: PendingDials;
  readonly registry: SessionRegistry;
  readonly peers: Pick<PeerDialler, 'order'>;
  readonly cluster: Pick<Cluster, 'isAlive'>;
  readonly key: ClusterKey;
  /** This pod. */
  readonly self: Owner;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: Pick<Recorder, 'orderSent'>;
}

/** Who asks for a stream, and how long it would wait for the agent to appear. */
export interface RouteRequest {
  readonly id: string;
  readonly client: string;
  readonly resumable: boolean;
  readonly waitMs: number;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
}

export type RouteResult =
  | {
      readonly kind: 'stream';
      readonly stream: ByteStream;
      readonly route: SessionRoute;
      /**
       * From when the set-up counts, in milliseconds on the Clock: the request, or the moment at which an agent
       * appeared that the client had waited for.
       */
      readonly knownAt: number;
    }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string }
  /** The client went away; nobody is left to answer. */
  | { readonly kind: 'abandoned' };

type Refused = Extract<RouteResult, { kind: 'refused' }>;

/** What one dial came to; `lost`: the agent is not, or no longer, where it was looked for. */
type DialStep =
  | Extract<DialResult, { kind: 'stream' }>
  | Refused
  | { readonly kind: 'abandoned' }
  | { readonly kind: 'lost' };

/** Where the agent was found, and how to hand it a ticket there. */
interface Way {
  /** Of the claim that led there. */
  readonly epoch: number;
  /** Any of them says that it is not there any more. */
  readonly signals: readonly AbortSignal[];
  /** False if it cannot be reached there. */
  readonly send: (ticket: string) => Promise<boolean> | boolean;
  /** The registry has a newer claim: this one. */
  readonly onMoved?: (entry: RegistryEntry) => Promise<void>;
}

/**
 * An agent that has not answered its dial after so long, in milliseconds, may have another link by now: the one that was
 * used can be dead without anybody there knowing.
 */
const LOOK_FOR_MOVE_AFTER_MS = 1_000;

/**
 * An agent that is known and is nowhere is looked for again so often, in milliseconds: its claim reaches the registry a
 * moment before its link reaches the table of its pod.
 */
const LOOK_AGAIN_MS = 1_000;

export class Router {
  readonly #options: RouterOptions;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /**
   * A stream of the agent. Waits `waitMs` for an agent that is not there, and AGENT_DIAL_TIMEOUT_MS for one that is known
   * but cannot be reached, since that one is on its way back. Rejects with RegistryUnavailable.
   */
  async route(request: RouteRequest): Promise<RouteResult> {
    const { agents, clock, registry } = this.#options;
    const arrived = clock.now();
    /** When to give up on an agent that was seen; set when it is first seen. */
    let dialUntil: number | undefined;
    let knownAt = arrived;
    for (;;) {
      if (request.signal.aborted) return { kind: 'abandoned' };
      const agent = agents.get(request.id);
      const entry = agent === undefined ? await registry.lookup(request.id) : undefined;
      if (agent !== undefined || entry !== undefined) dialUntil ??= clock.now() + AGENT_DIAL_TIMEOUT_MS;
      if (agent !== undefined && dialUntil !== undefined) {
        const step = await this.#dialHere(agent, request, dialUntil - clock.now());
        if (step.kind === 'stream') return { ...step, knownAt };
        if (step.kind !== 'lost') return step;
        continue;
      }
      // The link may have come while the registry was asked.
      if (agents.get(request.id) !== undefined) continue;
      if (entry !== undefined && dialUntil !== undefined && !this.#isSelf(entry)) {
        const step = await this.#dialPeer(entry, request, dialUntil - clock.now());
        if (step.kind === 'stream') return { ...step, knownAt };
        if (step.kind !== 'lost') return step;
      }
      const until = dialUntil ?? arrived + request.waitMs;
      await this.#waitForClaim(request, entry, until - clock.now());
      // A person may wait for an agent to appear: that is not slowness.
      if (dialUntil === undefined) knownAt = clock.now();
      if (request.signal.aborted) return { kind: 'abandoned' };
      if (clock.now() >= until) return dialUntil === undefined ? notFound(request) : unresponsive(request);
    }
  }

  #isSelf(entry: RegistryEntry): boolean {
    return entry.address === this.#options.self.address;
  }

  #dialHere(agent: Agent, request: RouteRequest, timeoutMs: number): Promise<DialStep> {
    const { client, resumable } = request;
    return this.#dial(request, timeoutMs, {
      epoch: agent.epoch,
      signals: [agent.gone],
      send(ticket) {
        agent.link.send({ type: 'dial', ticket, client, resumable });
        return true;
      },
      onMoved: async (entry) => {
        // Its own claim may have been registered again, with a higher epoch, meanwhile.
        if (entry.epoch > agent.epoch) await this.#options.agents.reassert(agent);
      },
    });
  }

  /**
   * The entry of a pod that is not there is abandoned, unless it has changed meanwhile. Only a connection that was refused,
   * or the cluster, says so: a pod that is late, or answers with an error, may well hold the agent. The entry of one which
   * does not have the agent stays: the agent is on its way back.
   */
  async #dialPeer(entry: RegistryEntry, request: RouteRequest, timeoutMs: number): Promise<DialStep> {
    const { clock, cluster, log, peers, recorder, registry } = this.#options;
    const { client, id, resumable } = request;
    const { address, epoch, pod } = entry;
    let isGone = false;
    const step = await this.#dial(request, timeoutMs, {
      epoch,
      signals: [],
      async send(ticket) {
        isGone = cluster.isAlive(address) === false;
        if (isGone) return false;
        const askedAt = clock.now();
        const outcome = await peers.order(address, id, { ticket, client, resumable });
        recorder.orderSent(outcome.kind, (clock.now() - askedAt) / 1000);
        if (outcome.kind === 'sent') return true;
        isGone = outcome.kind === 'unreachable';
        const detail = outcome.kind === 'failed' ? outcome.detail : undefined;
        log.warn({ id, owner: pod, address, outcome: outcome.kind, detail }, 'dial order failed');
        return false;
      },
    });
    if (isGone) await registry.abandon(id, epoch);
    return step;
  }

  async #dial(
    request: RouteRequest,
    timeoutMs: number,
    { epoch, signals, send, onMoved }: Way,
  ): Promise<DialStep> {
    const { clock, dials, key, self } = this.#options;
    const { id, resumable } = request;
    const pending = dials.issue(id, Math.max(0, timeoutMs), [request.signal, ...signals]);
    if (pending === undefined) {
      const message = `too many clients wait for agent ${id}: try again in a moment`;
      return { kind: 'refused', code: 'rate_limited', message };
    }
    const { nonce } = pending;
    const expiresAt = clock.wallTime() + TICKET_LIFE_MS;
    const ticket = sealTicket(key, { nonce, id, address: self.address, resumable, expiresAt });
    pending.nameTicket(ticket);
    if (!(await send(ticket))) pending.giveUp();
    /** Of the look for a move, which most dials are answered before. */
    let look: AbortController | undefined;
    const cancel = clock.after(LOOK_FOR_MOVE_AFTER_MS, () => {
      const { signal } = (look = new AbortController());
      void this.#awaitMove(id, epoch, timeoutMs, signal).then(async (entry) => {
        if (entry === undefined || signal.aborted) return;
        await onMoved?.(entry);
        pending.giveUp();
      });
    });
    const result = await pending.result;
    cancel();
    look?.abort();
    switch (result.kind) {
      case 'stream':
        return result;
      case 'timeout':
        return unresponsive(request);
      case 'aborted':
        return request.signal.aborted ? { kind: 'abandoned' } : { kind: 'lost' };
    }
  }

  /** The claim that came after `epoch`; undefined if none did, or nobody can tell. Never rejects. */
  #awaitMove(id: string, epoch: number, ms: number, signal: AbortSignal): Promise<RegistryEntry | undefined> {
    return this.#options.registry.waitFor(id, ms, { afterEpoch: epoch, signal }).catch(() => undefined);
  }

  /** Waits until it is worth looking again: for another claim than `seen`, and up to `ms`. */
  async #waitForClaim(
    { id, signal }: RouteRequest,
    seen: RegistryEntry | undefined,
    ms: number,
  ): Promise<void> {
    if (ms <= 0) return;
    const patience = seen === undefined ? ms : Math.min(ms, LOOK_AGAIN_MS);
    await this.#options.registry.waitFor(id, patience, { afterEpoch: seen?.epoch ?? 0, signal });
  }
}

function notFound({ id }: RouteRequest): Refused {
  const message = `no agent ${id}: it has ended, has not started yet, or the ID is mistyped`;
  return { kind: 'refused', code: 'agent_not_found', message };
}

function unresponsive({ id }: RouteRequest): Refused {
  const message = `agent ${id} did not answer within ${AGENT_DIAL_TIMEOUT_MS / 1000} s: try again; the job may be gone`;
  return { kind: 'refused', code: 'agent_unresponsive', message };
}
