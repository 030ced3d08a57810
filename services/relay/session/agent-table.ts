// The agents on this pod: who holds a control link here, and the leases that go with them.

import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { AgentMessage, AgentStatus } from '#shared/protocol/control-messages.ts';
import { MAX_SESSIONS } from '#shared/resume/limits.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { ClusterKey } from '../hop/cluster-key.ts';
import { formatGrant, GRANT_EVERY_MS, readGrant } from '../hop/grant.ts';
import {
  type ClaimOutcome,
  type Lease,
  type Owner,
  RENEW_EVERY_MS,
  type SessionRegistry,
} from '../registry/registry.ts';
import { isSettled, outranks, type Tenure } from '../registry/tenure.ts';
import type { ControlLink, Log, Recorder } from './ports.ts';

/** An agent with a control link on this pod. */
export interface Agent {
  readonly id: string;
  readonly claimHash: string;
  /** Raised when the ID had to be registered again. */
  epoch: number;
  /** Since when it has had its ID. */
  tenure: Tenure;
  readonly address: string;
  /** Milliseconds since the Unix epoch, to be shown. */
  readonly since: number;
  /** The same moment on the Clock, to count from. */
  readonly linkedAt: number;
  readonly link: ControlLink;
  /** Aborts when the link is gone. */
  readonly gone: AbortSignal;
  /** What the agent last said of itself. */
  status: AgentStatus | undefined;
}

/** A link that was claimed for and is open now. */
export type Attachment = Pick<Agent, 'id' | 'claimHash' | 'epoch' | 'tenure' | 'address' | 'link'>;

export interface AgentTableOptions {
  readonly registry: SessionRegistry;
  readonly owner: Owner;
  /** Makes and reads grants. */
  readonly key: ClusterKey;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: Recorder;
}

/** Agents that are registered again at a time: the registry answers each within milliseconds. */
const RESTORE_BATCH = 500;

/** An agent, and how the table ends it. Owned by the table. */
interface Row {
  readonly agent: Agent;
  readonly end: AbortController;
  cancelGrant: Cancel;
}

export class AgentTable {
  readonly #options: AgentTableOptions;
  readonly #rows = new Map<string, Row>();
  readonly #onEmpty = new Set<() => void>();
  #cancelRenewal: Cancel | undefined;
  #stopped = false;

  constructor(options: AgentTableOptions) {
    this.#options = options;
  }

  /** Starts renewing leases; the result stops it and may be called twice. */
  start(): Cancel {
    this.#scheduleRenewal();
    return () => {
      this.#stopped = true;
      this.#cancelRenewal?.();
    };
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Logged-in clients, as the agents last said; of these, those without a transport, which may resume. */
  get clients(): { readonly all: number; readonly detached: number } {
    let all = 0;
    let detached = 0;
    for (const { agent } of this.#rows.values()) {
      // An agent may say what it likes: it is believed as far as it can be true.
      all += Math.min(agent.status?.clients ?? 0, MAX_SESSIONS);
      detached += Math.min(agent.status?.detached ?? 0, MAX_SESSIONS);
    }
    return { all, detached };
  }

  get(id: string): Agent | undefined {
    return this.#rows.get(id)?.agent;
  }

  *[Symbol.iterator](): Iterator<Agent> {
    for (const { agent } of this.#rows.values()) yield agent;
  }

  /**
   * Claims `id` for this pod, before the link exists; `grantText` is what the agent showed. An ID whose agent is linked here
   * is asked of nobody else. Rejects with RegistryUnavailable.
   */
  claim(id: string, claimHash: string, grantText?: string): Promise<ClaimOutcome> {
    const { key, owner, registry } = this.#options;
    const proof = grantText === undefined ? undefined : readGrant(key, { id, claimHash }, grantText);
    const present = this.get(id);
    const isAnothers = present !== undefined && present.claimHash !== claimHash;
    if (isAnothers && !outranks(proof, present.tenure)) return Promise.resolve({ kind: 'taken' });
    return registry.claim(id, claimHash, owner, proof);
  }

  /** What the agent is to show with its next link. */
  grantFor({ id, claimHash, tenure }: Agent): string {
    const { clock, key } = this.#options;
    // What it came back with is as old as it is: a link makes it no younger.
    const seen = Math.min(tenure.seen, clock.wallTime());
    return formatGrant(key, { id, claimHash }, { ...tenure, seen });
  }

  /**
   * Puts a fresh link in charge of `id`. An older link of the same agent on this pod is superseded; a link that was
   * claimed for before another one, and opened after it, is itself.
   */
  attach({ id, claimHash, epoch, tenure, address, link }: Attachment): Agent {
    const older = this.#rows.get(id);
    const end = new AbortController();
    const { clock } = this.#options;
    const times = { since: clock.wallTime(), linkedAt: clock.now() };
    const agent: Agent = {
      id,
      claimHash,
      epoch,
      tenure,
      address,
      ...times,
      link,
      gone: end.signal,
      status: undefined,
    };
    if (older !== undefined && older.agent.epoch > epoch) {
      end.abort();
      link.close('superseded');
    } else {
      if (older !== undefined) this.#leave(older);
      const row = { agent, end, cancelGrant: (): void => undefined };
      this.#rows.set(id, row);
      this.#scheduleGrant(row);
      older?.agent.link.close('superseded');
    }
    this.#options.recorder.agentLinked();
    this.#options.log.info({ id, epoch, address }, 'agent linked');
    return agent;
  }

  /**
   * A link has closed. An agent that said goodbye frees its ID at once; one that was lost keeps it for one lease, so that
   * nobody else can take it while the agent dials again.
   */
  detach(agent: Agent, reason: CloseReason): void {
    const row = this.#rows.get(agent.id);
    const current = row?.agent === agent;
    if (current) this.#forget(row);
    const { clock, log, recorder, registry } = this.#options;
    recorder.agentUnlinked(reason);
    const seconds = (clock.now() - agent.linkedAt) / 1000;
    log.info({ id: agent.id, epoch: agent.epoch, address: agent.address, reason, seconds }, 'agent unlinked');
    if (!current) return;
    if (reason !== 'ended') return this.forsake(agent);
    registry.release(agent.id, agent.epoch).catch((error: unknown) => {
      log.warn({ id: agent.id, err: error }, 'agent not released: its reservation will run out');
    });
  }

  /** The claim has no link here, or none any more: its ID is kept for it for one lease from now. */
  forsake({ id, epoch }: Lease): void {
    // Where that fails the reservation runs out by itself, a lease later.
    this.#options.registry.abandon(id, epoch).catch(() => undefined);
  }

  /** An agent has said something on its link. */
  heard(agent: Agent, message: AgentMessage): void {
    switch (message.type) {
      case 'status':
        agent.status = message;
        return;
      case 'resumption':
        this.#options.recorder.resumptionReported(message.outcome, message.afterMs / 1000);
    }
  }

  /**
   * The registry has a newer claim of the ID than that of this link. What it says to a restore decides: either the agent
   * has left this link, or somebody got the ID because the registry had forgotten the agent. Never rejects.
   */
  async reassert(agent: Agent): Promise<void> {
    try {
      await this.#restoreOne(agent);
    } catch {
      // The registry went away: its return restores everybody.
    }
  }

  #supersede(agent: Agent): void {
    const row = this.#rows.get(agent.id);
    if (row?.agent !== agent) return;
    this.#forget(row);
    agent.link.close('superseded');
  }

  /** Resolves when no agent is linked here. */
  async empty(): Promise<void> {
    if (this.#rows.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty.add(resolve);
    await promise;
  }

  #forget(row: Row): void {
    this.#rows.delete(row.agent.id);
    this.#leave(row);
    if (this.#rows.size > 0) return;
    for (const tell of this.#onEmpty) tell();
    this.#onEmpty.clear();
  }

  /** Nothing waits for this link any more. */
  #leave({ end, cancelGrant }: Row): void {
    cancelGrant();
    end.abort();
  }

  #scheduleGrant(row: Row): void {
    const { agent } = row;
    row.cancelGrant = this.#options.clock.after(GRANT_EVERY_MS, () => {
      this.#sendGrant(agent);
      this.#scheduleGrant(row);
    });
  }

  #sendGrant(agent: Agent): void {
    agent.link.send({ type: 'grant', grant: this.grantFor(agent) });
  }

  /**
   * Registers every agent of this pod again, after the registry was away and may have forgotten them. An ID that
   * somebody else got meanwhile comes back to the one that was there first.
   */
  async restore(): Promise<void> {
    await this.#restoreAll([...this]);
  }

  async #restoreAll(agents: readonly Agent[]): Promise<void> {
    if (agents.length === 0 || !(await this.#register(agents))) return;
    this.#options.log.info({ agents: agents.length }, 'agents restored in the registry');
  }

  /** False if the registry went away again, which is logged. */
  async #register(agents: readonly Agent[]): Promise<boolean> {
    const { log } = this.#options;
    for (let at = 0; at < agents.length; at += RESTORE_BATCH) {
      const batch = agents.slice(at, at + RESTORE_BATCH);
      const results = await Promise.allSettled(batch.map((agent) => this.#restoreOne(agent)));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed !== undefined) {
        // It went away again: the next return restores them all.
        log.warn({ err: failed.reason as unknown, agents: agents.length }, 'agents not restored');
        return false;
      }
    }
    return true;
  }

  async #restoreOne(agent: Agent): Promise<void> {
    const { owner, registry } = this.#options;
    const { id, claimHash, epoch, tenure } = agent;
    const outcome = await registry.restore(id, claimHash, owner, epoch, tenure);
    if (this.get(agent.id) !== agent) {
      // It left meanwhile, and gave up an epoch that was none any more.
      if (outcome.kind === 'claimed') this.forsake({ id, epoch: outcome.epoch });
      return;
    }
    if (outcome.kind === 'taken') return this.#supersede(agent);
    const hasWon = outcome.tenure.wonAt !== tenure.wonAt;
    agent.epoch = outcome.epoch;
    agent.tenure = outcome.tenure;
    if (hasWon) this.#sendGrant(agent);
  }

  #scheduleRenewal(): void {
    if (this.#stopped) return;
    this.#cancelRenewal = this.#options.clock.after(RENEW_EVERY_MS, () => {
      void this.#renew().finally(() => {
        this.#scheduleRenewal();
      });
    });
  }

  async #renew(): Promise<void> {
    const leases: Lease[] = [];
    for (const { agent } of this.#rows.values()) leases.push({ id: agent.id, epoch: agent.epoch });
    try {
      const lost = new Set(await this.#options.registry.renew(leases));
      // Whoever got the ID right after a loss of memory has it for good once that is long ago: the registry says so to a restore.
      const unsure = [...this].filter(({ id, tenure }) => !lost.has(id) && !isSettled(tenure));
      // A newer link may have come while the registry answered.
      const forgotten = leases.flatMap(({ id, epoch }) => {
        const agent = this.get(id);
        return lost.has(id) && agent?.epoch === epoch ? [agent] : [];
      });
      // The registry may have been wiped, or the ID has moved on: what `restore` says decides.
      await this.#restoreAll(forgotten);
      await this.#register(unsure);
    } catch (error) {
      this.#options.log.warn({ err: error, leases: leases.length }, 'leases not renewed');
    }
  }
}
