// The router: finds the agent of an ID and gets a stream from it. Local first, then one hop, then a clear no.
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { AgentRegistry, Owner, RegistryEntry } from '../registry/registry.ts';
import type { Agent, AgentTable } from './agent-table.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { Log, OrderOutcome, PeerPods, PodWatch, Standing, Tickets } from './needs.ts';
import { AGENT_DIAL_TIMEOUT_MS, type DialResult, type PendingDials } from './pending-dials.ts';
import type { SessionRoute } from './session-table.ts';

/** What is counted of dial orders to other pods. */
export interface OrderRecorder {
  orderSent(outcome: OrderOutcome['kind'], seconds: number): void;
}

export interface RouterOptions {
  readonly agents: Pick<AgentTable, 'get'>;
  readonly leases: Pick<LeaseKeeper, 'reassert'>;
  readonly dials: PendingDials;
  readonly registry: AgentRegistry;
  readonly peers: Pick<PeerPods, 'order'>;
  readonly cluster: PodWatch;
  readonly tickets: Tickets;
  /** This pod. */
  readonly self: Owner;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: OrderRecorder;
}

/** Which client asks for a stream of which agent, and how long it would wait for the agent to appear. */
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
      /** By which rule the agent is in; undefined in an open relay. */
      readonly standing: Standing | undefined;
      /**
       * The moment from which the set-up counts, in milliseconds on the Clock: the request, or the appearance of the
       * agent if the client had to wait for that.
       */
      readonly knownAt: number;
    }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string }
  /** The client went away; nobody is left to answer. */
  | { readonly kind: 'abandoned' };

type Refused = Extract<RouteResult, { kind: 'refused' }>;

/** What came of one dial. `lost`: the agent is not where it was looked for, or no longer. */
type DialStep =
  | (Extract<DialResult, { kind: 'stream' }> & { readonly standing: Standing | undefined })
  | Refused
  | { readonly kind: 'abandoned' }
  | { readonly kind: 'lost' };

/** Where the agent was found, and how to hand it a ticket there. */
interface Way {
  /** The epoch of the claim that was found. */
  readonly epoch: number;
  /** Each of them aborts when the agent is not there any more. */
  readonly signals: readonly AbortSignal[];
  /** By which rule it is in there; `lost` if it cannot be reached there. */
  readonly send: (ticket: string) => Promise<Sending> | Sending;
  /** The registry has a newer claim than `epoch`. */
  readonly onMoved?: (entry: RegistryEntry) => Promise<void>;
}

type Sending = { readonly kind: 'sent'; readonly standing: Standing | undefined } | { readonly kind: 'lost' };

/** Whether the agent was seen since the client came. `until`: when to give up on it, in milliseconds on the Clock. */
type Sight = { readonly kind: 'unseen' } | Seen;
interface Seen {
  readonly kind: 'seen';
  readonly until: number;
}

/**
 * How long a dial may go unanswered before the registry is asked for a newer claim, in milliseconds: the link that was
 * used may be dead without this pod knowing, and the agent may have another one.
 */
const LOOK_FOR_MOVE_AFTER_MS = 1_000;

/**
 * How often an agent is looked for again that the registry knows and no pod has, in milliseconds: its claim reaches the
 * registry a moment before its link reaches the table of its pod.
 */
const LOOK_AGAIN_MS = 1_000;

const LOST: DialStep = { kind: 'lost' };

export class Router {
  readonly #options: RouterOptions;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /**
   * A stream of the agent. Waits `waitMs` for an agent that nobody knows, and AGENT_DIAL_TIMEOUT_MS for one that is known
   * but cannot be reached, since it is on its way back. Rejects with RegistryUnavailable.
   */
  async route(request: RouteRequest): Promise<RouteResult> {
    const { agents, clock, registry } = this.#options;
    const arrived = clock.now();
    let sight: Sight = { kind: 'unseen' };
    let knownAt = arrived;
    for (;;) {
      if (request.signal.aborted) return { kind: 'abandoned' };
      const agent = agents.get(request.id);
      if (agent !== undefined) {
        const { until } = (sight = seen(sight, clock.now()));
        const step = await this.#dialHere(agent, request, until - clock.now());
        if (step.kind === 'stream') return { ...step, knownAt };
        if (step.kind !== 'lost') return step;
        continue;
      }
      const entry = await registry.lookup(request.id);
      // The link may have come while the registry was asked.
      if (agents.get(request.id) !== undefined) continue;
      if (entry !== undefined) {
        const { until } = (sight = seen(sight, clock.now()));
        const step = this.#isSelf(entry) ? LOST : await this.#dialPeer(entry, request, until - clock.now());
        if (step.kind === 'stream') return { ...step, knownAt };
        if (step.kind !== 'lost') return step;
      }
      const until = sight.kind === 'seen' ? sight.until : arrived + request.waitMs;
      await this.#waitForClaim(request, entry, until - clock.now());
      // A person may wait for an agent to appear: that is not slowness.
      if (sight.kind === 'unseen') knownAt = clock.now();
      if (request.signal.aborted) return { kind: 'abandoned' };
      if (clock.now() >= until) return sight.kind === 'unseen' ? notFound(request) : unresponsive(request);
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
        return { kind: 'sent', standing: agent.standing };
      },
      onMoved: async (entry) => {
        // The newer claim may be the agent's own: it was registered again, and has a higher epoch now.
        if (entry.epoch > agent.epoch) await this.#options.leases.reassert(agent);
      },
    });
  }

  /**
   * Abandons the entry of a pod that is gone, unless the entry has changed meanwhile. A pod is gone only if it refused
   * the connection, or if the cluster says so: a pod that is late, or answers with an error, may well hold the agent. If
   * the pod is there without the agent, its entry stays: the agent is on its way back.
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
        if (isGone) return { kind: 'lost' };
        const askedAt = clock.now();
        const outcome = await peers.order(address, id, { ticket, client, resumable });
        recorder.orderSent(outcome.kind, (clock.now() - askedAt) / 1000);
        if (outcome.kind === 'sent') return outcome;
        isGone = outcome.kind === 'unreachable';
        const detail = outcome.kind === 'failed' ? outcome.detail : undefined;
        log.warn({ id, owner: pod, address, outcome: outcome.kind, detail }, 'dial order failed');
        return { kind: 'lost' };
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
    const { clock, dials, self, tickets } = this.#options;
    const { id, resumable } = request;
    const pending = dials.issue(id, Math.max(0, timeoutMs), [request.signal, ...signals]);
    if (pending === undefined) {
      const message = `too many clients wait for agent ${id}: try again in a moment`;
      return { kind: 'refused', code: 'rate_limited', message };
    }
    const { nonce } = pending;
    const ticket = tickets.seal({ nonce, id, address: self.address, resumable });
    pending.nameTicket(ticket);
    const sending = await send(ticket);
    if (sending.kind === 'lost') pending.giveUp();
    /** Ends the look for a newer claim; most dials are answered before it begins. */
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
        return { ...result, standing: sending.kind === 'sent' ? sending.standing : undefined };
      case 'timeout':
        return unresponsive(request);
      case 'aborted':
        return request.signal.aborted ? { kind: 'abandoned' } : { kind: 'lost' };
    }
  }

  /** The claim that comes after `epoch`; undefined if none comes, or if the registry cannot tell. Never rejects. */
  #awaitMove(id: string, epoch: number, ms: number, signal: AbortSignal): Promise<RegistryEntry | undefined> {
    return this.#options.registry.waitFor(id, ms, { afterEpoch: epoch, signal }).catch(() => undefined);
  }

  /** Waits until it is worth looking again: until there is a newer claim than `seen`, and for `ms` at most. */
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

/** An agent is given up AGENT_DIAL_TIMEOUT_MS after it was first seen. */
function seen(sight: Sight, now: number): Seen {
  return sight.kind === 'seen' ? sight : { kind: 'seen', until: now + AGENT_DIAL_TIMEOUT_MS };
}

function notFound({ id }: RouteRequest): Refused {
  const message = `no agent ${id}: it has ended, has not started yet, or the ID is mistyped`;
  return { kind: 'refused', code: 'agent_not_found', message };
}

function unresponsive({ id }: RouteRequest): Refused {
  const message = `agent ${id} did not answer within ${AGENT_DIAL_TIMEOUT_MS / 1000} s: try again; the job may be gone`;
  return { kind: 'refused', code: 'agent_unresponsive', message };
}
