// The session registry over a Redis client: claims and leases as scripts, waits as subscriptions.

import { LEASE_MS } from '#shared/protocol/lease.ts';
import type { Clock } from '#shared/time/clock.ts';
import { Continuity } from '../continuity.ts';
import {
  type ClaimOutcome,
  type Lease,
  type Owner,
  REGISTRY_TIMEOUT_MS,
  RESERVATION_MS,
  type RegistryEntry,
  type SessionRegistry,
  type WaitOptions,
} from '../registry.ts';
import { newTenure, type Tenure } from '../tenure.ts';
import { Bell } from './bell.ts';
import type { OpenRedisClient, RedisClient, ScriptCall } from './redis-client.ts';
import {
  type EntryFault,
  type EntryFields,
  type EntrySigner,
  entryText,
  markOf,
  readEntry,
  signedText,
  tenureFrom,
  tenureWords,
} from './redis-entry.ts';
import { callFaultFrom, messageOf, RedisCallFault, type RedisFailure } from './redis-failure.ts';
import { BIRTH_TTL_MS, ENTRY_TTL_MS, RedisKeys, TENURE_FIELDS } from './redis-keys.ts';
import type { ScriptName } from './redis-scripts.ts';
import { describeRedisTarget, type RedisTarget } from './redis-url.ts';
import { Wakeups } from './redis-wakeups.ts';
import { Throttle } from './throttle.ts';

/** Leases per batch: a few milliseconds of Redis' time, so that a large pod's renewal delays nobody's claim. */
const RENEW_BATCH = 500;

/** More calls than this at once mean that Redis has stopped answering; the next ones are refused at once. */
export const MAX_CALLS_IN_FLIGHT = 10_000;

/** Messages can be lost (a fail-over, a new connection): who waits looks again so often, in milliseconds. */
const LOOK_AGAIN_MS = 2_000;

/**
 * A claim waits for a look at the mark for so long, in milliseconds, and takes the rest of its time for itself: in a cluster
 * the mark may lie on a server that is gone, and the ID on one that is there.
 */
export const LOOK_WITHIN_MS = REGISTRY_TIMEOUT_MS / 4;

/** One line per kind of trouble in so many milliseconds, with the number of those not logged. */
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
  /** Redis takes writes, for the first time or again: whoever is linked here is to be restored. */
  readonly onReady?: () => void;
  /** The connection is lost, after `onReady`. */
  readonly onLost?: () => void;
  /** An entry that a stranger wrote; it counts as absent. */
  readonly onFault?: (fault: EntryFault) => void;
  /** A call was answered, or was not. */
  readonly onCall?: (operation: ScriptName, seconds: number, outcome: 'ok' | RedisFailure) => void;
  /** For tests that share a server. */
  readonly keyPrefix?: string;
  /** Of an ID that is free; by default the time in milliseconds (R8). */
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

export class RedisRegistry implements SessionRegistry {
  readonly #options: RedisRegistryOptions;
  readonly #open: OpenRedisClient;
  readonly #keys: RedisKeys;
  readonly #leaseMs: number;
  readonly #timeoutMs: number;
  readonly #throttle: Throttle;
  readonly #wakeups: Wakeups;
  /**
   * The mark of what this pod wrote, by ID: an entry that a stranger changed and that kept its epoch is not ours to
   * renew. Written by claim and restore; forgotten with the lease, at the next renewal at the latest.
   */
  readonly #marks = new Map<string, string>();
  readonly #continuity = new Continuity();
  readonly #stopped = new AbortController();
  #client: RedisClient | undefined;
  #inFlight = 0;

  /** `open` starts connecting. */
  constructor(options: RedisRegistryOptions, open: OpenRedisClient) {
    this.#options = options;
    this.#open = open;
    this.#keys = new RedisKeys(options.keyPrefix);
    this.#leaseMs = options.leaseMs ?? ENTRY_TTL_MS;
    this.#timeoutMs = options.timeoutMs ?? REGISTRY_TIMEOUT_MS;
    this.#throttle = new Throttle(options.clock, LOG_EVERY_MS);
    this.#wakeups = new Wakeups({
      client: () => this.#client,
      onRefused: (error) => {
        const { failure, message } = callFaultFrom(error);
        if (failure !== 'disconnected') this.#warn('redis subscription refused', { error: message });
      },
    });
  }

  /** Begins to connect. A Redis that is not there fails nothing here: calls reject until it is. May be called twice. */
  start(): void {
    if (this.#client !== undefined || this.#stopped.signal.aborted) return;
    const { clock, log, onLost, onReady, pod, target } = this.#options;
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
          onReady?.();
        },
        lost: () => {
          this.#continuity.disconnected();
          if (isUsable && !this.#stopped.signal.aborted) {
            log.warn({ redis }, 'redis connection lost');
            onLost?.();
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
    // Where nobody answers, what is known counts: to doubt it would let old grants outrank this claim.
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
   * As the contract has it; where some of a cluster's servers do not answer, the leases they hold are neither renewed nor
   * named as lost. Rejects if a whole batch of RENEW_BATCH leases fails.
   */
  async renew(leases: readonly Lease[]): Promise<readonly string[]> {
    const current = new Set(leases.map(({ id }) => id));
    for (const id of this.#marks.keys()) if (!current.has(id)) this.#marks.delete(id);
    void this.#lookAtBirth();
    const lost: string[] = [];
    for (let start = 0; start < leases.length; start += RENEW_BATCH) {
      const batch = leases.slice(start, start + RENEW_BATCH);
      const replies = await this.#runBatch(batch);
      for (const [index, { id }] of batch.entries()) {
        const reply = replies[index];
        if (reply?.status === 'fulfilled' && reply.value !== 1) lost.push(id);
      }
    }
    return lost;
  }

  async release(id: string, epoch: number): Promise<void> {
    const times = [this.#options.clock.wallTime(), RESERVATION_MS, LEASE_MS].map(String);
    await this.#run('release', { key: this.#keys.agent(id), args: [String(epoch), ...times] });
    this.#marks.delete(id);
  }

  async abandon(id: string, epoch: number): Promise<void> {
    await this.#run('abandon', { key: this.#keys.agent(id), args: [String(epoch), String(LEASE_MS)] });
  }

  async lookup(id: string): Promise<RegistryEntry | undefined> {
    const reply = (await this.#run('lookup', { key: this.#keys.agent(id), args: [] })) as LookupReply;
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
  async waitFor(id: string, ms: number, options: WaitOptions = {}): Promise<RegistryEntry | undefined> {
    const { clock } = this.#options;
    const { afterEpoch = 0 } = options;
    const until = clock.now() + ms;
    const signal = AbortSignal.any([this.#stopped.signal, ...(options.signal ? [options.signal] : [])]);
    let entry = await this.lookup(id);
    const isNew = (): boolean => entry !== undefined && entry.epoch > afterEpoch;
    const bell = new Bell();
    const ring = (): void => {
      bell.ring();
    };
    if (isNew() || ms <= 0) return isNew() ? entry : undefined;
    signal.addEventListener('abort', ring, { once: true });
    const unwatch = this.#wakeups.watch(this.#keys.claims(id), ring);
    try {
      let failure: RedisCallFault | undefined;
      for (let left = until - clock.now(); left > 0 && !signal.aborted; left = until - clock.now()) {
        await bell.rung(clock, Math.min(left, LOOK_AGAIN_MS));
        if (signal.aborted) return undefined;
        try {
          entry = await this.lookup(id);
          failure = undefined;
        } catch (error) {
          failure = callFaultFrom(error);
        }
        if (failure === undefined && isNew()) return entry;
      }
      if (failure !== undefined && !signal.aborted) throw failure;
      return undefined;
    } finally {
      unwatch();
      signal.removeEventListener('abort', ring);
    }
  }

  /** Ends waits and connections. May be called twice. */
  stop(): Promise<void> {
    this.#stopped.abort();
    this.#client?.close();
    this.#client = undefined;
    return Promise.resolve();
  }

  /** An entry that the script respects and we do not trust is named to the script in a second call, and replaced. */
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
      this.#run(
        script,
        { key: this.#keys.agent(id), args: [...fields, ...settings, distrusted, ...more] },
        answerWithinMs,
      );

    let reply = (await call('')) as ClaimReply;
    if (reply[0] === 'taken') {
      const read = readEntry(id, reply[1], this.#options);
      if (read.kind === 'trusted') return { kind: 'taken' };
      reply = (await call(signedText(reply[1]))) as ClaimReply;
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
    const bornAt = await this.#run('birth', call, withinMs).catch(() => undefined);
    if (bornAt !== undefined) this.#continuity.looked(now, Number(bornAt));
    return bornAt !== undefined;
  }

  #runBatch(batch: readonly Lease[]): Promise<readonly PromiseSettledResult<unknown>[]> {
    const calls = batch.map(({ id, epoch }): ScriptCall => {
      const mark = this.#marks.get(id) ?? '';
      return { key: this.#keys.agent(id), args: [String(epoch), String(this.#leaseMs), mark] };
    });
    return this.#timed('renew', calls.length, async (client) => {
      const replies = await client.runEach('renew', calls);
      const rejected = replies.filter((reply) => reply.status === 'rejected');
      const [first] = rejected;
      if (first !== undefined && rejected.length === replies.length) throw callFaultFrom(first.reason);
      if (first !== undefined)
        this.#warn('leases not renewed', { leases: rejected.length, error: messageOf(first.reason) });
      return replies;
    });
  }

  #run(script: ScriptName, call: ScriptCall, withinMs = this.#timeoutMs): Promise<unknown> {
    return this.#timed(script, 1, (client) => client.run(script, call), withinMs);
  }

  /** Bounds the number of calls and the time of each, and tells how it went. */
  async #timed<Reply>(
    operation: ScriptName,
    calls: number,
    work: (client: RedisClient) => Promise<Reply>,
    withinMs = this.#timeoutMs,
  ): Promise<Reply> {
    const begin = performance.now();
    const report = (outcome: 'ok' | RedisFailure): void => {
      this.#options.onCall?.(operation, (performance.now() - begin) / 1_000, outcome);
    };
    const { promise: silence, reject } = Promise.withResolvers<never>();
    const cancel = this.#options.clock.after(withinMs, () => {
      reject(new RedisCallFault('timeout', `no answer to ${operation} within ${withinMs} ms`));
    });
    this.#inFlight += calls;
    try {
      if (this.#client === undefined) throw new RedisCallFault('disconnected', 'not started, or stopped');
      if (this.#inFlight > MAX_CALLS_IN_FLIGHT)
        throw new RedisCallFault('overloaded', `${MAX_CALLS_IN_FLIGHT} calls are waiting for it`);
      const reply = await Promise.race([work(this.#client), silence]);
      report('ok');
      return reply;
    } catch (error) {
      const fault = callFaultFrom(error);
      report(fault.failure);
      if (fault.failure !== 'disconnected')
        this.#warn(`redis ${fault.failure}`, { operation, error: fault.message });
      throw fault;
    } finally {
      cancel();
      this.#inFlight -= calls;
    }
  }

  #reportOdd(id: string, fault: EntryFault): void {
    this.#options.onFault?.(fault);
    this.#warn('registry entry ignored: not written by a relay with this secret', { id, fault });
  }

  #warn(message: string, fields: Record<string, unknown>): void {
    const notLogged = this.#throttle.pass(message);
    if (notLogged !== undefined) this.#options.log.warn({ ...fields, notLogged }, message);
  }
}
