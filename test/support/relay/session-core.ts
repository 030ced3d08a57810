// The relay's session core without a network: links, log and recorder are records, time stands still.
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { Dial, RelayMessage } from '#shared/protocol/control-messages.ts';
import { ClusterKey } from '../../../services/relay/hop/cluster-key.ts';
import { grantsOf } from '../../../services/relay/hop/grant.ts';
import { ticketsOf } from '../../../services/relay/hop/ticket.ts';
import { MemoryRegistry, MemoryStore } from '../../../services/relay/registry/memory-registry.ts';
import { type Agent, type AgentRecorder, AgentTable } from '../../../services/relay/session/agent-table.ts';
import { LeaseKeeper } from '../../../services/relay/session/lease-keeper.ts';
import type { AgentLink, DialOrder, OrderOutcome } from '../../../services/relay/session/needs.ts';
import { PendingDials } from '../../../services/relay/session/pending-dials.ts';
import { type OrderRecorder, Router } from '../../../services/relay/session/router.ts';
import type { SessionRecorder } from '../../../services/relay/session/session-table.ts';
import { FakeStream } from '../stream/fake-stream.ts';
import { ManualClock } from '../time/manual-clock.ts';

export class FakeLink implements AgentLink {
  readonly sent: RelayMessage[] = [];
  readonly closes: CloseReason[] = [];

  send(message: RelayMessage): void {
    this.sent.push(message);
  }

  close(reason: CloseReason): void {
    this.closes.push(reason);
  }

  get dials(): Dial[] {
    return this.sent.filter((message) => message.type === 'dial');
  }
}

/** Every call, as its name and arguments. */
export class FakeRecorder implements AgentRecorder, SessionRecorder, OrderRecorder {
  readonly calls: unknown[][] = [];

  agentLinked(): void {
    this.calls.push(['agentLinked']);
  }
  agentUnlinked(reason: string): void {
    this.calls.push(['agentUnlinked', reason]);
  }
  sessionStarted(route: string, seconds: number): void {
    this.calls.push(['sessionStarted', route, seconds]);
  }
  sessionEnded(route: string, reason: string, seconds: number): void {
    this.calls.push(['sessionEnded', route, reason, seconds]);
  }
  resumptionReported(outcome: string, seconds: number): void {
    this.calls.push(['resumptionReported', outcome, seconds]);
  }
  orderSent(outcome: string): void {
    this.calls.push(['orderSent', outcome]);
  }
}

export interface LoggedLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A log that keeps its lines. */
export function createLog(): {
  lines: LoggedLine[];
  log: Record<LoggedLine['level'], (fields: Record<string, unknown>, message: string) => void>;
} {
  const lines: LoggedLine[] = [];
  const at =
    (level: LoggedLine['level']) =>
    (fields: Record<string, unknown>, message: string): void => {
      lines.push({ level, message, fields });
    };
  return { lines, log: { info: at('info'), warn: at('warn'), error: at('error') } };
}

export const SELF = { pod: 'pod-a', address: '10.0.0.1:9090' };
export const PEER = { pod: 'pod-b', address: '10.0.0.2:9090' };

/** One pod, and the registry of another that shares its store. */
export function createCore() {
  const clock = new ManualClock();
  const store = new MemoryStore();
  const registry = new MemoryRegistry(clock, store);
  const { log, lines } = createLog();
  const recorder = new FakeRecorder();
  const key = new ClusterKey(['a secret of at least thirty-two letters']);
  const agents = new AgentTable({ registry, owner: SELF, grants: grantsOf(key), clock, log, recorder });
  const leases = new LeaseKeeper({ agents, registry, owner: SELF, clock, log });
  const dials = new PendingDials(clock);
  const orders: (DialOrder & { address: string; id: string })[] = [];
  const cluster = { alive: new Map<string, boolean>(), outcome: { kind: 'sent' } as OrderOutcome };
  const router = new Router({
    agents,
    leases,
    dials,
    registry,
    peers: {
      order(address, id, order) {
        orders.push({ address, id, ...order });
        return Promise.resolve(cluster.outcome);
      },
    },
    cluster: { isAlive: (address) => cluster.alive.get(address) },
    tickets: ticketsOf(key, clock),
    self: SELF,
    clock,
    log,
    recorder,
  });

  /** Claims and attaches an agent on this pod. */
  async function link(id: string, claimHash = `hash of ${id}`): Promise<{ agent: Agent; link: FakeLink }> {
    const claimed = await agents.claim(id, claimHash);
    if (claimed.kind === 'taken') throw new Error(`${id} is taken`);
    const fake = new FakeLink();
    const agent = agents.attach({ id, claimHash, ...claimed, address: '192.0.2.1', link: fake });
    return { agent, link: fake };
  }

  /** Does what an agent does with a ticket; the stream is undefined if nobody waits for it. */
  function answer(id: string, ticket: string): FakeStream | undefined {
    const redeemed = dials.redeemTicket(ticket, id);
    if (redeemed === undefined) return undefined;
    const stream = new FakeStream();
    redeemed.give(stream, 'local');
    return stream;
  }

  const there = new MemoryRegistry(clock, store);
  return {
    clock,
    registry,
    there,
    log,
    lines,
    recorder,
    agents,
    leases,
    dials,
    key,
    orders,
    cluster,
    router,
    link,
    answer,
  };
}
