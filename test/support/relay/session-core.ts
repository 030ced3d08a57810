// The relay's session core without a network: links, log and recorder are records, time stands still.

import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { Dial, RelayMessage } from '#shared/protocol/control-messages.ts';
import { ClusterKey } from '../../../services/relay/hop/cluster-key.ts';
import type { DialOrder } from '../../../services/relay/hop/dial-order.ts';
import type { OrderOutcome } from '../../../services/relay/hop/peer-dialler.ts';
import { MemoryRegistry, MemoryStore } from '../../../services/relay/registry/memory.ts';
import { type Agent, AgentTable } from '../../../services/relay/session/agent-table.ts';
import { PendingDials } from '../../../services/relay/session/pending-dials.ts';
import type { ControlLink, Recorder } from '../../../services/relay/session/ports.ts';
import { Router } from '../../../services/relay/session/router.ts';
import { FakeStream } from '../stream/fake-stream.ts';
import { ManualClock } from '../time/manual-clock.ts';

export class FakeLink implements ControlLink {
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
export class FakeRecorder implements Recorder {
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
  refused(code: string): void {
    this.calls.push(['refused', code]);
  }
  controlMessageIgnored(): void {
    this.calls.push(['controlMessageIgnored']);
  }
  clientLeft(): void {
    this.calls.push(['clientLeft']);
  }
  answerUntaken(): void {
    this.calls.push(['answerUntaken']);
  }

  requestMalformed(reason: string): void {
    this.calls.push(['requestMalformed', reason]);
  }
  orderSent(outcome: string): void {
    this.calls.push(['orderSent', outcome]);
  }
  hopDialled(outcome: string): void {
    this.calls.push(['hopDialled', outcome]);
  }
  peerRejected(verdict: string): void {
    this.calls.push(['peerRejected', verdict]);
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
  const agents = new AgentTable({ registry, owner: SELF, key, clock, log, recorder });
  const dials = new PendingDials(clock);
  const orders: (DialOrder & { address: string; id: string })[] = [];
  const cluster = { alive: new Map<string, boolean>(), outcome: { kind: 'sent' } as OrderOutcome };
  const router = new Router({
    agents,
    dials,
    registry,
    peers: {
      order(address, id, order) {
        orders.push({ address, id, ...order });
        return Promise.resolve(cluster.outcome);
      },
    },
    cluster: { isAlive: (address) => cluster.alive.get(address) },
    key,
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
    dials,
    key,
    orders,
    cluster,
    router,
    link,
    answer,
  };
}
