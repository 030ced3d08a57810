// The registry of a relay that is alone: a map in memory.
import { LEASE_MS } from '#shared/protocol/lease.ts';
import type { Clock } from '#shared/time/clock.ts';
import { memoryFrom, type RegistryMemory } from './continuity.ts';
import {
  type AgentRegistry,
  type ClaimOutcome,
  type HeldId,
  type Owner,
  RESERVATION_MS,
  type RegistryEntry,
  type WaitOptions,
} from './registry.ts';
import { confirmed, newTenure, outranks, provenTenure, type Tenure } from './tenure.ts';

interface Held {
  readonly entry: RegistryEntry;
  readonly claimHash: string;
  readonly tenure: Tenure;
  readonly expiresAt: number;
  /** Until when an owner before this one may not know that it has lost the ID. */
  readonly settledAt: number;
}

type Waiter = (entry: RegistryEntry) => void;

/** Registries made over one `MemoryStore` see the same entries, as pods that share a Redis do. */
export class MemoryStore {
  readonly held = new Map<string, Held>();
  readonly waiters = new Map<string, Set<Waiter>>();
  /** When the first registry over it was made. */
  memory: RegistryMemory | undefined;
}

export class MemoryRegistry implements AgentRegistry {
  readonly #clock: Clock;
  readonly #store: MemoryStore;

  constructor(clock: Clock, store = new MemoryStore()) {
    this.#clock = clock;
    this.#store = store;
    store.memory ??= memoryFrom(clock.wallTime());
  }

  start(): void {
    // A map is always there.
  }

  claim(id: string, claimHash: string, owner: Owner, proof?: Tenure): Promise<ClaimOutcome> {
    const held = this.#live(id);
    const tenure = this.#tenureFor(held, claimHash, proof);
    if (tenure === undefined) return Promise.resolve({ kind: 'taken' });
    return Promise.resolve(this.#write(id, claimHash, owner, (held?.entry.epoch ?? 0) + 1, tenure));
  }

  restore(id: string, claimHash: string, owner: Owner, epoch: number, proof: Tenure): Promise<ClaimOutcome> {
    const held = this.#live(id);
    const tenure = this.#tenureFor(held, claimHash, proof);
    if (tenure === undefined) return Promise.resolve({ kind: 'taken' });
    if (held === undefined) return Promise.resolve(this.#write(id, claimHash, owner, epoch, tenure));
    const { entry } = held;
    if (held.claimHash !== claimHash) {
      const higher = Math.max(epoch, entry.epoch + 1);
      return Promise.resolve(this.#write(id, claimHash, owner, higher, tenure));
    }
    if (entry.epoch > epoch) return Promise.resolve({ kind: 'taken' });
    const isOwn = entry.pod === owner.pod && entry.address === owner.address;
    const isTie = entry.epoch === epoch && !isOwn;
    return Promise.resolve(this.#write(id, claimHash, owner, isTie ? epoch + 1 : epoch, tenure));
  }

  renew(ids: readonly HeldId[]): Promise<readonly string[]> {
    this.#sweep();
    const lost: string[] = [];
    for (const { id, epoch } of ids) {
      const held = this.#live(id);
      if (held?.entry.epoch === epoch) {
        this.#store.held.set(id, { ...held, expiresAt: this.#clock.now() + RESERVATION_MS });
      } else {
        lost.push(id);
      }
    }
    return Promise.resolve(lost);
  }

  release(id: string, epoch: number): Promise<void> {
    const held = this.#live(id);
    if (held?.entry.epoch !== epoch) return Promise.resolve();
    if (held.settledAt > this.#clock.now()) return this.abandon(id, epoch);
    this.#store.held.delete(id);
    return Promise.resolve();
  }

  abandon(id: string, epoch: number): Promise<void> {
    const held = this.#live(id);
    if (held?.entry.epoch === epoch) {
      const expiresAt = Math.min(held.expiresAt, this.#clock.now() + LEASE_MS);
      this.#store.held.set(id, { ...held, expiresAt });
    }
    return Promise.resolve();
  }

  lookup(id: string): Promise<RegistryEntry | undefined> {
    return Promise.resolve(this.#live(id)?.entry);
  }

  waitFor(id: string, ms: number, options: WaitOptions = {}): Promise<RegistryEntry | undefined> {
    const { afterEpoch = 0, signal } = options;
    const present = this.#live(id)?.entry;
    if (present !== undefined && present.epoch > afterEpoch) return Promise.resolve(present);
    if (ms <= 0 || signal?.aborted === true) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<RegistryEntry | undefined>();
    const waiters = this.#store.waiters.get(id) ?? new Set();
    this.#store.waiters.set(id, waiters);
    const settle = (entry: RegistryEntry | undefined): void => {
      cancel();
      signal?.removeEventListener('abort', abort);
      waiters.delete(wake);
      if (waiters.size === 0 && this.#store.waiters.get(id) === waiters) this.#store.waiters.delete(id);
      resolve(entry);
    };
    const wake: Waiter = (entry) => {
      if (entry.epoch > afterEpoch) settle(entry);
    };
    const abort = (): void => {
      settle(undefined);
    };
    const cancel = this.#clock.after(ms, abort);
    signal?.addEventListener('abort', abort, { once: true });
    waiters.add(wake);
    return promise;
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  /** The tenure with which a claim gets the ID that is `held`; undefined if it does not get it. */
  #tenureFor(held: Held | undefined, claimHash: string, proof: Tenure | undefined): Tenure | undefined {
    const now = this.#clock.wallTime();
    const fresh = newTenure(now, this.#store.memory ?? memoryFrom(now));
    if (held === undefined) return provenTenure(fresh, proof);
    if (held.claimHash === claimHash) return confirmed(held.tenure, fresh, proof);
    return proof !== undefined && outranks(proof, held.tenure) ? { ...proof, wonAt: now } : undefined;
  }

  #write(id: string, claimHash: string, owner: Owner, epoch: number, tenure: Tenure): ClaimOutcome {
    const now = this.#clock.now();
    const entry = { ...owner, epoch, since: this.#clock.wallTime() };
    const before = this.#live(id);
    const isMoved =
      before !== undefined && (before.entry.pod !== owner.pod || before.entry.address !== owner.address);
    const settledAt = isMoved ? now + RESERVATION_MS : (before?.settledAt ?? now);
    this.#store.held.set(id, { entry, claimHash, tenure, expiresAt: now + RESERVATION_MS, settledAt });
    for (const wake of this.#store.waiters.get(id) ?? []) wake(entry);
    return { kind: 'claimed', epoch, tenure };
  }

  /** Forgets what ran out and was not asked for since. */
  #sweep(): void {
    const now = this.#clock.now();
    for (const [id, { expiresAt }] of this.#store.held) if (expiresAt <= now) this.#store.held.delete(id);
  }

  /** The lease of an ID, unless it ran out; what ran out is forgotten on the way. */
  #live(id: string): Held | undefined {
    const held = this.#store.held.get(id);
    if (held === undefined || held.expiresAt > this.#clock.now()) return held;
    this.#store.held.delete(id);
    return undefined;
  }
}
