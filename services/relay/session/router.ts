// The router: finds the agent of an ID and gets a stream from it. Local first, then a clear no.
import type { Clock } from '#shared/clock.ts';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import type { Entry, SessionRegistry } from '../registry/registry.ts';
import type { Agent, AgentTable } from './agent-table.ts';
import { DIAL_TIMEOUT_MS, type PendingDials } from './pending-dials.ts';

export interface RouterOptions {
  readonly agents: AgentTable;
  readonly dials: PendingDials;
  readonly registry: SessionRegistry;
  readonly clock: Clock;
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
  | { readonly kind: 'stream'; readonly stream: ByteStream }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string }
  /** The client went away; nobody is left to answer. */
  | { readonly kind: 'abandoned' };

type DialStep =
  | Exclude<RouteResult, { kind: 'refused' }>
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string }
  | { readonly kind: 'link_lost' };

export class Router {
  readonly #options: RouterOptions;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /**
   * A stream of the agent. Waits `waitMs` for an agent that is not there, and DIAL_TIMEOUT_MS for one that is known
   * but lost its link, since that one is on its way back. Rejects with RegistryUnavailable.
   */
  async route(request: RouteRequest): Promise<RouteResult> {
    const { agents, clock } = this.#options;
    const arrived = clock.now();
    /** When to give up on an agent that was seen; set when it is first seen. */
    let dialUntil: number | undefined;
    for (;;) {
      if (request.signal.aborted) return { kind: 'abandoned' };
      const agent = agents.get(request.id);
      if (agent !== undefined) {
        dialUntil ??= clock.now() + DIAL_TIMEOUT_MS;
        const step = await this.#dial(agent, request, dialUntil - clock.now());
        if (step.kind !== 'link_lost') return step;
        continue;
      }
      const entry = await this.#options.registry.lookup(request.id);
      // The link may have come while the registry was asked.
      if (agents.get(request.id) !== undefined) continue;
      if (entry !== undefined) dialUntil ??= clock.now() + DIAL_TIMEOUT_MS;
      const until = dialUntil ?? arrived + request.waitMs;
      const back = await this.#waitForLink(request, entry, until - clock.now());
      if (request.signal.aborted) return { kind: 'abandoned' };
      if (!back) return dialUntil === undefined ? notFound(request) : unresponsive(request);
    }
  }

  async #dial(agent: Agent, request: RouteRequest, timeoutMs: number): Promise<DialStep> {
    const signals = [request.signal, agent.gone];
    const ticket = this.#options.dials.issue(agent.id, Math.max(0, timeoutMs), signals);
    if (ticket === undefined) {
      const message = `too many clients wait for agent ${agent.id}: try again in a moment`;
      return { kind: 'refused', code: 'rate_limited', message };
    }
    const { client, resumable } = request;
    agent.link.send({ type: 'dial', ticket: ticket.ticket, client, resumable });
    const result = await ticket.result;
    switch (result.kind) {
      case 'stream':
        return result;
      case 'timeout':
        return unresponsive(request);
      case 'aborted':
        return request.signal.aborted ? { kind: 'abandoned' } : { kind: 'link_lost' };
    }
  }

  /** True when the agent has claimed its ID anew within `ms`, so that it is worth looking again. */
  async #waitForLink(request: RouteRequest, entry: Entry | undefined, ms: number): Promise<boolean> {
    if (ms <= 0) return false;
    const { id, signal } = request;
    const afterEpoch = entry?.epoch ?? 0;
    return (await this.#options.registry.waitFor(id, ms, { afterEpoch, signal })) !== undefined;
  }
}

function notFound({ id }: RouteRequest): RouteResult {
  const message = `no agent ${id}: it has ended, has not started yet, or the ID is mistyped`;
  return { kind: 'refused', code: 'agent_not_found', message };
}

function unresponsive({ id }: RouteRequest): { kind: 'refused'; code: RefusalCode; message: string } {
  const message = `agent ${id} did not answer within ${DIAL_TIMEOUT_MS / 1000} s: try again; the job may be gone`;
  return { kind: 'refused', code: 'agent_unresponsive', message };
}
