// The registry of agents over a Redis client: claims and leases as scripts, waits as subscriptions.
import { LEASE_MS } from '#shared/protocol/lease.ts';
import type { Clock } from '#shared/time/clock.ts';
import { Throttle } from '../../../shared/time/throttle.ts';
import { Continuity } from '../continuity.ts';
import {
  type AgentRegistry,
  type ClaimOutcome,
  type HeldId,
  type Owner,
  REGISTRY_TIMEOUT_MS,
  RESERVATION_MS,
  type RegistryEntry,
  type WaitOptions,
} from '../registry.ts';
import type { EntryFault, RegistryRecorder } from '../registry-recorder.ts';
import { newTenure, type Tenure } from '../tenure.ts';
import { RedisCalls } from './redis-calls.ts';
import type { OpenRedisClient, RedisClient } from './redis-client.ts';
import {
  type EntryFields,
  type EntrySigner,
  entryText,
  markOf,
  readEntry,
  signedEntryText,
  tenureFrom,
  tenureWords,
} from './redis-entry.ts';
import { callFaultFrom } from './redis-failure.ts';
import { BIRTH_TTL_MS, ENTRY_TTL_MS, RedisKeys, TENURE_FIELDS } from './redis-keys.ts';
import { describeRedisTarget, type RedisTarget } from './redis-url.ts';
import { waitForEntry } from './redis-wait.ts';
import { Wakeups } from './redis-wakeups.ts';

/** IDs per batch: a few milliseconds of Redis' time, so that a large pod's renewal delays nobody's claim. */
const RENEW_BATCH = 500;

/**
 * How long a claim waits for the mark (`converge:born`), in milliseconds; the rest of its time is for the claim itself.
 * In a cluster the mark may lie on a server that is gone, and the ID on one that is there.
 */
export const LOOK_WITHIN_MS = REGISTRY_TIMEOUT_MS / 4;

/** How often a kind of trouble is logged at most, in milliseconds; a line has the number of those that were left out. */
const LOG_EVERY_MS = 30_000;

export interface RedisLog {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
}

export interface RedisRegistryOptions extends EntrySigner {
  readonly target: RedisTarget;
  /** Names this pod's probe key. */
  readonly pod: string;
  readonly clock: Clock;
  readonly log: RedisLog;
  readonly recorder: RegistryRecorder;
  /** For tests that share a server. */
  readonly keyPrefix?: string;
  /** The epoch of the first claim of a free ID; by default the time in milliseconds (R8). */
  readonly firstEpoch?: () => number;
  /** RESERVATION_MS by default; in milliseconds. */
  readonly leaseMs?: number;
  /** REGISTRY_TIMEOUT_MS by default; in milliseconds. */
  readonly timeoutMs?: number;
}

/** A claim, as it is written. */
interface Claim {
  readonly id: string;
  readonly claimHash: string;
  readonly owner: Owner;
  readonly epoch: number;
  readonly proof: Tenure | undefined;
}

type ClaimReply =
  | readonly ['claimed', epoch: string, odd: EntryFault | '', ...tenure: readonly string[]]
  | readonly ['taken', EntryFields];
type LookupReply = readonly ['found', EntryFields] | readonly ['absent', odd: EntryFault | ''];

export class RedisRegistry implements AgentRegistry {
  readonly #options: RedisRegistryOptions;
  readonly #open: OpenRedisClient;
  readonly #keys: RedisKeys;
  readonly #leaseMs: number;
  readonly #timeoutMs: number;
  /** Bounded calls over the connection of this registry, for what else pods keep in common. */
  readonly calls: RedisCalls;
  readonly #throttle: Throttle;
  readonly #wakeups: Wakeups;
  /**
   * By ID, the mark (`markOf`) of what this pod wrote: if a stranger changed the entry and left its epoch, it is not ours
   * to renew. Set by claim and restore; forgotten with the lease, at the next renewal at the latest.
   */
  readonly #marks = new Map<string, string>();
  readonly #continuity = new Continuity();
  readonly #stopped = new AbortController();
  #client: RedisClient | undefined;

  /** `open` starts connecting. */
  constructor(options: RedisRegistryOptions, open: OpenRedisClient) {
    this.#options = options;
    this.#open = open;
    options.recorder.registryConnected(false);
    this.#keys = new RedisKeys(options.keyPrefix);
    this.#leaseMs = options.leaseMs ?? ENTRY_TTL_MS;
    this.#timeoutMs = options.timeoutMs ?? REGISTRY_TIMEOUT_MS;
    this.#throttle = new Throttle(options.clock, LOG_EVERY_MS);
    this.calls = new RedisCalls({
      clock: options.clock,
      timeoutMs: this.#timeoutMs,
      client: () => this.#client,
      recorder: options.recorder,
      warn: (message, fields) => {
        this.#warn(message, fields);
      },
    });
    this.#wakeups = new Wakeups({
      client: () => this.#client,
      onRefused: (error) => {
        const { failure, message } = callFaultFrom(error);
        if (failure !== 'disconnected') this.#warn('redis subscription refused', { error: message });
      },
    });
  }

  /** Begins to connect. A Redis that is not there fails nothing here: calls reject until it is. */
  start(onRegained: () => void): void {
    if (this.#client !== undefined || this.#stopped.signal.aborted) return;
    const { clock, log, pod, recorder, target } = this.#options;
    const redis = describeRedisTarget(target);
    let isUsable = false;
    this.#client = this.#open({
      target,
      clock,
      probeKey: this.#keys.probe(pod),
      timeoutMs: this.#timeoutMs,
      events: {
        usable: () => {
          if (!isUsable) log.info({ redis }, 'redis connected');
          isUsable = true;
          this.#continuity.connected(clock.wallTime());
          void this.#lookAtBirth();
          this.#wakeups.wakeAll();
          recorder.registryConnected(true);
          onRegained();
        },
        lost: () => {
          this.#continuity.disconnected();
          if (isUsable && !this.#stopped.signal.aborted) {
            log.warn({ redis }, 'redis connection lost');
            recorder.registryConnected(false);
          }
          isUsable = false;
        },
        parted: () => {
          this.#continuity.connected(clock.wallTime());
        },
        failed: (error) => {
          this.#warn('redis not usable', { redis, error });
        },
        listening: () => {
          this.#wakeups.listening();
        },
        heard: (channel) => {
          this.#wakeups.heard(channel);
        },
      },
    });
  }

  /** Looks at the mark first: somebody may have emptied this Redis a moment ago, under the connection. */
  async claim(id: string, claimHash: string, owner: Owner, proof?: Tenure): Promise<ClaimOutcome> {
    const { clock, firstEpoch = () => clock.wallTime() } = this.#options;
    const begin = clock.now();
    const hasLooked = await this.#lookAtBirth(Math.min(LOOK_WITHIN_MS, this.#timeoutMs / 4));
    const now = clock.wallTime();
    // If nobody answers, what is known already counts: to doubt it would let old grants outrank this claim.
    const memory = this.#continuity.memoryAt(now);
    const answerWithinMs = hasLooked ? this.#timeoutMs : this.#timeoutMs - (clock.now() - begin);
    const claim = { id, claimHash, owner, epoch: firstEpoch(), proof };
    return this.#write('claim', claim, newTenure(now, memory), answerWithinMs);
  }

  async restore(
    id: string,
    claimHash: string,
    owner: Owner,
    epoch: number,
    proof: Tenure,
  ): Promise<ClaimOutcome> {
    const now = this.#options.clock.wallTime();
    const fresh = newTenure(now, this.#continuity.memoryAt(now));
    return this.#write('restore', { id, claimHash, owner, epoch, proof }, fresh);
  }

  /**
   * As the contract says. If some servers of a cluster do not answer, their leases are neither renewed nor named as lost.
   * Rejects if a whole batch of RENEW_BATCH leases fails.
   */
  async renew(ids: readonly HeldId[]): Promise<readonly string[]> {
    const current = new Set(ids.map(({ id }) => id));
    for (const id of this.#marks.keys()) if (!current.has(id)) this.#marks.delete(id);
    void this.#lookAtBirth();
    const lost: string[] = [];
    for (let start = 0; start < ids.length; start += RENEW_BATCH) {
      const batch = ids.slice(start, start + RENEW_BATCH);
      const replies = await this.#renewBatch(batch);
      for (const [index, { id }] of batch.entries()) {
        const reply = replies[index];
        if (reply?.status === 'fulfilled' && reply.value !== 1) lost.push(id);
      }
    }
    return lost;
  }

  async release(id: string, epoch: number): Promise<void> {
    const times = [this.#options.clock.wallTime(), RESERVATION_MS, LEASE_MS].map(String);
    await this.calls.run('release', { key: this.#keys.agent(id), args: [String(epoch), ...times] });
    this.#marks.delete(id);
  }

  async abandon(id: string, epoch: number): Promise<void> {
    await this.calls.run('abandon', { key: this.#keys.agent(id), args: [String(epoch), String(LEASE_MS)] });
  }

  async lookup(id: string): Promise<RegistryEntry | undefined> {
    const reply = (await this.calls.run('lookup', { key: this.#keys.agent(id), args: [] })) as LookupReply;
    if (reply[0] === 'absent') {
      if (reply[1] !== '') this.#reportOdd(id, reply[1]);
      return undefined;
    }
    const read = readEntry(id, reply[1], this.#options);
    if (read.kind === 'trusted') return read.entry;
    this.#reportOdd(id, read.fault);
    return undefined;
  }

  /** Rejects if Redis does not answer at first, or at the end; what happens in between is waited out. */
  waitFor(id: string, ms: number, options: WaitOptions = {}): Promise<RegistryEntry | undefined> {
    return waitForEntry({
      clock: this.#options.clock,
      lookup: () => this.lookup(id),
      watch: (wake) => this.#wakeups.watch(this.#keys.claims(id), wake),
      ms,
      afterEpoch: options.afterEpoch ?? 0,
      signal: AbortSignal.any([this.#stopped.signal, ...(options.signal ? [options.signal] : [])]),
    });
  }

  /** Ends waits and connections. May be called twice. */
  stop(): Promise<void> {
    this.#stopped.abort();
    this.#client?.close();
    this.#client = undefined;
    return Promise.resolve();
  }

  /** The script cannot check signatures. If it respects an entry that we do not trust, a second call has it replaced. */
  async #write(
    script: 'claim' | 'restore',
    { id, claimHash, owner, epoch: wantedEpoch, proof }: Claim,
    freshTenure: Tenure,
    answerWithinMs = this.#timeoutMs,
  ): Promise<ClaimOutcome> {
    const now = this.#options.clock.wallTime();
    const signature = this.#options.sign(entryText(id, owner, claimHash));
    const fields = [owner.pod, owner.address, claimHash, String(now), signature];
    const settings = [String(this.#leaseMs), this.#keys.claims(id)];
    const fresh = tenureWords(freshTenure);
    const proven = proof === undefined ? TENURE_FIELDS.map(() => '') : tenureWords(proof);
    const more = [String(wantedEpoch), ...fresh, ...proven];
    const call = (distrusted: string): Promise<unknown> =>
      this.calls.run(
        script,
        { key: this.#keys.agent(id), args: [...fields, ...settings, distrusted, ...more] },
        answerWithinMs,
      );

    let reply = (await call('')) as ClaimReply;
    if (reply[0] === 'taken') {
      const read = readEntry(id, reply[1], this.#options);
      if (read.kind === 'trusted') return { kind: 'taken' };
      reply = (await call(signedEntryText(reply[1]))) as ClaimReply;
      if (reply[0] === 'taken') return { kind: 'taken' };
    }
    const [, epoch, odd, ...tenure] = reply;
    if (odd !== '') this.#reportOdd(id, odd);
    this.#marks.set(id, markOf(owner, claimHash, signature));
    return {
      kind: 'claimed',
      epoch: Number(epoch),
      tenure: tenureFrom(tenure),
    };
  }

  /** True if the mark was seen; a failure is logged as that of any call. */
  async #lookAtBirth(withinMs = this.#timeoutMs): Promise<boolean> {
    const now = this.#options.clock.wallTime();
    const call = { key: this.#keys.born(), args: [String(now), String(BIRTH_TTL_MS)] };
    const bornAt = await this.calls.run('birth', call, withinMs).catch(() => undefined);
    if (bornAt !== undefined) this.#continuity.looked(now, Number(bornAt));
    return bornAt !== undefined;
  }

  #renewBatch(batch: readonly HeldId[]): Promise<readonly PromiseSettledResult<unknown>[]> {
    return this.calls.runEach(
      'renew',
      batch.map(({ id, epoch }) => {
        const mark = this.#marks.get(id) ?? '';
        return { key: this.#keys.agent(id), args: [String(epoch), String(this.#leaseMs), mark] };
      }),
    );
  }

  #reportOdd(id: string, fault: EntryFault): void {
    this.#options.recorder.registryEntryDistrusted(fault);
    this.#warn('registry entry ignored: not written by a relay with this secret', { id, fault });
  }

  #warn(message: string, fields: Record<string, unknown>): void {
    const notLogged = this.#throttle.pass(message);
    if (notLogged !== undefined) this.#options.log.warn({ ...fields, notLogged }, message);
  }
}
