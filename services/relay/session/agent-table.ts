// The agents on this pod: who has a control link here. lease-keeper.ts keeps their IDs for them.
import type { AuditMessage } from '#shared/protocol/audit.ts';
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { AgentMessage, AgentStatus, Resumption } from '#shared/protocol/control-messages.ts';
import { MAX_RESUMABLE_STREAMS } from '#shared/resume/limits.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { AgentRegistry, ClaimOutcome, HeldId, Owner } from '../registry/registry.ts';
import { outranks, type Tenure } from '../registry/tenure.ts';
import type { Admittance, AgentLink, Grants, Log, Standing } from './needs.ts';

/** While a link is up, its agent gets a new grant this often, in milliseconds: more often than TENURE_SLACK_MS. */
export const GRANT_EVERY_MS = 30_000;

/** After these ends nobody will come back for the ID. */
const GOODBYES: ReadonlySet<CloseReason> = new Set(['ended', 'ended_by_operator']);

/** What is counted of agents. Each call is cheap. */
export interface AgentRecorder {
  agentLinked(): void;
  agentUnlinked(reason: CloseReason): void;
  /** An agent says what became of a client's connection that had lost its transport. */
  resumptionReported(outcome: Resumption['outcome'], afterSeconds: number): void;
}

/** Hears of agents, to keep a record. Must not throw. */
export interface AgentWitness {
  /** `isFirst`: it has not been linked before, as far as it shows. */
  agentLinked(agent: Agent, isFirst: boolean): void;
  agentUnlinked(agent: Agent, reason: CloseReason, seconds: number): void;
  /** What the agent itself saw, and signed. */
  jobSaid(agent: Agent, said: AuditMessage): void;
}

/** An agent with a control link on this pod. */
export interface Agent {
  readonly id: string;
  readonly claimHash: string;
  /** Raised when the ID had to be registered again. */
  epoch: number;
  /** Proves since when it has had its ID. */
  tenure: Tenure;
  readonly address: string;
  /** By which rule it is in; undefined in an open relay. */
  readonly admittance: Admittance | undefined;
  /** What the limits of that rule count from. */
  readonly standing: Standing | undefined;
  /** Milliseconds since the Unix epoch, to be shown. */
  readonly since: number;
  /** The same moment on the Clock, to count from. */
  readonly linkedAt: number;
  readonly link: AgentLink;
  /** Aborts when the link is gone. */
  readonly gone: AbortSignal;
  /** What the agent last said of itself. */
  status: AgentStatus | undefined;
}

/** A link that is open, and whose ID was claimed before. */
export type Attachment = Pick<Agent, 'id' | 'claimHash' | 'epoch' | 'tenure' | 'address' | 'link'> &
  Partial<Pick<Agent, 'admittance' | 'standing'>> & { readonly isFirst?: boolean };

export interface AgentTableOptions {
  readonly registry: AgentRegistry;
  readonly owner: Owner;
  readonly grants: Grants;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: AgentRecorder;
  readonly witness?: AgentWitness;
}

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

  constructor(options: AgentTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Clients that are logged in, as the agents last said, and how many of them have no transport at the moment. */
  get clients(): { readonly all: number; readonly detached: number } {
    let all = 0;
    let detached = 0;
    for (const { agent } of this.#rows.values()) {
      // An agent may say anything: more than it can have is not believed.
      all += Math.min(agent.status?.clients ?? 0, MAX_RESUMABLE_STREAMS);
      detached += Math.min(agent.status?.detached ?? 0, MAX_RESUMABLE_STREAMS);
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
   * Claims `id` for this pod, before the link exists; `grantText` is the grant that the agent showed. If another agent is
   * linked here with that ID, and the claim does not outrank it, the registry is not asked. Rejects with
   * RegistryUnavailable.
   */
  claim(id: string, claimHash: string, grantText?: string): Promise<ClaimOutcome> {
    const { grants, owner, registry } = this.#options;
    const proof = grantText === undefined ? undefined : grants.read({ id, claimHash }, grantText);
    const present = this.get(id);
    const isAnothers = present !== undefined && present.claimHash !== claimHash;
    if (isAnothers && !outranks(proof, present.tenure)) return Promise.resolve({ kind: 'taken' });
    return registry.claim(id, claimHash, owner, proof);
  }

  /** The grant that the agent is to show with its next link. */
  grantFor({ id, claimHash, tenure }: Agent): string {
    const { clock, grants } = this.#options;
    // An agent that came back by an old grant is believed up to the time of that grant, not up to now.
    const seen = Math.min(tenure.seen, clock.wallTime());
    return grants.make({ id, claimHash }, { ...tenure, seen });
  }

  /**
   * Puts a fresh link in charge of `id`. An older link of the same agent on this pod is superseded. If the fresh link has
   * the older claim of the two, because it was slower to open, it is itself superseded.
   */
  attach({ admittance, standing, isFirst = true, ...attached }: Attachment): Agent {
    const { id, epoch, address, link } = attached;
    const older = this.#rows.get(id);
    const end = new AbortController();
    const { clock } = this.#options;
    const times = { since: clock.wallTime(), linkedAt: clock.now() };
    const agent: Agent = {
      ...attached,
      admittance,
      standing,
      ...times,
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
    const { rule, subject } = admittance ?? {};
    this.#options.log.info({ id, epoch, address, rule, subject }, 'agent linked');
    this.#options.witness?.agentLinked(agent, isFirst);
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
    const { clock, log, recorder, registry, witness } = this.#options;
    recorder.agentUnlinked(reason);
    const seconds = (clock.now() - agent.linkedAt) / 1000;
    log.info({ id: agent.id, epoch: agent.epoch, address: agent.address, reason, seconds }, 'agent unlinked');
    witness?.agentUnlinked(agent, reason, seconds);
    if (!current) return;
    if (!GOODBYES.has(reason)) return this.forsake(agent);
    registry.release(agent.id, agent.epoch).catch((error: unknown) => {
      log.warn({ id: agent.id, err: error }, 'agent not released: its reservation will run out');
    });
  }

  /**
   * Whether no pod has a later link of an agent whose link here is closed, so that it is done. Never rejects: where nobody
   * knows, there may be one.
   */
  isGone({ id, epoch }: HeldId): Promise<boolean> {
    return this.#options.registry.lookup(id).then(
      (entry) => entry === undefined || entry.epoch <= epoch,
      () => false,
    );
  }

  /** There is no link for this claim here: its ID is kept for it for one lease from now. */
  forsake({ id, epoch }: HeldId): void {
    // If that fails, the reservation runs out a lease later.
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
        return;
      case 'audit':
        this.#options.witness?.jobSaid(agent, message);
        // Also where nobody keeps a record: the agent has no use for it any more.
        agent.link.send({ type: 'audit_taken', seq: message.seq });
    }
  }

  /** Another link now holds its ID. */
  supersede(agent: Agent): void {
    const row = this.#rows.get(agent.id);
    if (row?.agent !== agent) return;
    this.#forget(row);
    agent.link.close('superseded');
  }

  /** An operator ends the agent of that ID; false if it is not here. Its link is gone when its peer has answered. */
  end(id: string): boolean {
    const agent = this.get(id);
    agent?.link.close('ended_by_operator');
    return agent !== undefined;
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

  /** Ends what belongs to a link: its grants, and the dials that wait for it. */
  #leave({ end, cancelGrant }: Row): void {
    cancelGrant();
    end.abort();
  }

  #scheduleGrant(row: Row): void {
    const { agent } = row;
    row.cancelGrant = this.#options.clock.after(GRANT_EVERY_MS, () => {
      this.sendGrant(agent);
      this.#scheduleGrant(row);
    });
  }

  /** Sends the agent a fresh grant. */
  sendGrant(agent: Agent): void {
    agent.link.send({ type: 'grant', grant: this.grantFor(agent) });
  }
}
