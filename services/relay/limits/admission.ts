// Admission: whether one more link, client, session or download is let in, by the limits of its address and of the pod.
import type { Clock } from '#shared/time/clock.ts';
import type { HeldAccount, Holder } from '../session/needs.ts';
import { AddressLimits, type Slot, WRONG_PROOFS_AT_ONCE } from './address-limits.ts';
import { type AddressRules, type Asker, countedAs, inRanges } from './client-address.ts';
import { HeldBytes } from './held-bytes.ts';
import {
  ADDRESS_LIMITS,
  type AddressLimitValues,
  COUNTED,
  type Counted,
  type MetLimit,
  POD_LIMITS,
  type PodLimitValues,
} from './limit-table.ts';
import { type Level, OVERLOADED_RETRY_SECONDS, PodLimits } from './pod-limits.ts';
import type { ProcessMemory } from './process-memory.ts';
import { SignOnLimits } from './sign-on-limits.ts';

/** Counts what was refused or cut because of a limit. */
export interface LimitRecorder {
  limitMet(limit: MetLimit): void;
}

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly address: AddressLimitValues;
  readonly pod: PodLimitValues;
  /** Addresses and ranges that no limit per address is for. */
  readonly unlimited: readonly string[];
  readonly limitsPrivate: boolean;
  readonly memory: ProcessMemory;
  readonly recorder: LimitRecorder;
  /** Tells the accounts of sessions of all that was written until now; where that is told at once, it is left out. */
  readonly count?: () => void;
}

/** A limit was met. `message` is for the person who asked: it names the limit and the way out. */
export interface OverLimit {
  readonly kind: 'over';
  readonly limit: MetLimit;
  readonly code: 'rate_limited' | 'overloaded';
  readonly message: string;
  readonly retrySeconds: number;
}

export type AdmissionVerdict = { readonly kind: 'admitted'; readonly slot: Slot } | OverLimit;

const MIB = 1024 * 1024;

const PLURALS: Readonly<Record<Counted, string>> = {
  links: 'agents',
  waiting: 'waiting clients',
  sessions: 'sessions',
  downloads: 'downloads',
};

export class Admission {
  readonly #rules: AddressRules;
  readonly #recorder: LimitRecorder;
  /** The key of each asker is computed once: it is needed for the request, the wait, the session and its bytes. */
  readonly #keys = new WeakMap<Asker, { readonly key: string | undefined }>();
  readonly #limits: AddressLimitValues;
  readonly #addresses: AddressLimits;
  readonly #pod: PodLimits;
  readonly #held: HeldBytes;
  readonly #signOns: SignOnLimits;

  constructor({ clock, address, pod, memory, recorder, count, ...rules }: AdmissionOptions) {
    this.#rules = { isUnlimited: inRanges(rules.unlimited), limitsPrivate: rules.limitsPrivate };
    this.#recorder = recorder;
    this.#limits = address;
    this.#addresses = new AddressLimits(clock, address);
    this.#pod = new PodLimits(clock, pod, memory);
    this.#signOns = new SignOnLimits(clock);
    this.#held = new HeldBytes({
      clock,
      limitBytes: address.held * MIB,
      count,
      onCut: () => {
        recorder.limitMet('address_held');
      },
    });
  }

  /** One more request of `asker`; undefined lets it in. */
  refuseRequest(asker: Asker): OverLimit | undefined {
    const key = this.#keyOf(asker);
    const verdict = key === undefined ? undefined : this.#addresses.setUp(key);
    if (verdict?.kind !== 'too_fast') return undefined;
    const { variable } = ADDRESS_LIMITS.setups;
    const { perSecond, retrySeconds } = verdict;
    return this.#over('address_setups', {
      code: 'rate_limited',
      message: `too many requests from this address, at most ${perSecond} a second in the long run (${variable}): ${wayOut(retrySeconds)}`,
      retrySeconds,
    });
  }

  /** One more question of `asker` that the provider of single sign-on has to answer; undefined lets it pass. */
  refuseSignOn(asker: Asker): OverLimit | undefined {
    const verdict = this.#signOns.take(this.#keyOf(asker));
    if (verdict === undefined) return undefined;
    const { of, retrySeconds } = verdict;
    const whose = of === 'address' ? 'from this address' : 'at this relay';
    return this.#over(`${of}_sign_ons`, {
      code: of === 'address' ? 'rate_limited' : 'overloaded',
      message: `too many sign-ons ${whose}: try again in ${retrySeconds} s`,
      retrySeconds,
    });
  }

  /** One more place for `asker`. The pod's limit is asked first: where the pod has no room, no address has. */
  admit(kind: Counted, asker: Asker): AdmissionVerdict {
    const inPod = this.#pod.acquire(kind);
    if (inPod.kind === 'full') return this.#full(inPod.of);
    const key = this.#keyOf(asker);
    if (key === undefined) return { kind: 'admitted', slot: inPod.slot };
    const ofAddress = this.#addresses.acquire(key, kind);
    if (ofAddress.kind === 'granted') return { kind: 'admitted', slot: both(inPod.slot, ofAddress.slot) };
    inPod.slot.release();
    const { limit, retrySeconds } = ofAddress;
    return this.#over(`address_${kind}`, {
      code: 'rate_limited',
      message: `too many ${PLURALS[kind]} from this address, at most ${limit} (${ADDRESS_LIMITS[kind].variable}): end some, or ${wayOut(retrySeconds)}`,
      retrySeconds,
    });
  }

  /** One more proof of `asker`: 0, or how long none of its address is looked at, in milliseconds. */
  takeProof(asker: Asker): number {
    const key = this.#keyOf(asker);
    const waitMs = key === undefined ? 0 : this.#addresses.takeProof(key);
    if (waitMs > 0) this.#recorder.limitMet('address_proofs');
    return waitMs;
  }

  /** That one was not wrong: it does not count. */
  forgiveProof(asker: Asker): void {
    const key = this.#keyOf(asker);
    if (key !== undefined) this.#addresses.forgiveProof(key);
  }

  /**
   * A place for a stream that only passes through, since its client was let in by another pod. Only the pod's limits
   * apply.
   */
  admitPassing(): AdmissionVerdict {
    const inPod = this.#pod.acquire('sessions');
    return inPod.kind === 'full' ? this.#full(inPod.of) : { kind: 'admitted', slot: inPod.slot };
  }

  /**
   * Counts what a session of `asker` holds in memory, and cuts it past the limit; undefined if its address has no limit.
   */
  watch(asker: Asker, holder: Holder): HeldAccount | undefined {
    const key = this.#keyOf(asker);
    return key === undefined ? undefined : this.#held.open(key, holder);
  }

  /** How full each limit is; for a limit per address, at the address that holds most. Asks every session. */
  levels(): ReadonlyMap<MetLimit, Level> {
    const levels = new Map<MetLimit, Level>();
    const fullest = this.#addresses.fullest();
    for (const kind of COUNTED)
      levels.set(`address_${kind}`, { used: fullest[kind], max: this.#limits[kind] });
    levels.set('address_setups', { used: fullest.setups, max: this.#limits.burst });
    levels.set('address_proofs', { used: fullest.proofs, max: WRONG_PROOFS_AT_ONCE });
    levels.set('address_held', { used: this.#held.fullest(), max: this.#limits.held * MIB });
    const signOns = this.#signOns.levels();
    for (const whose of ['address', 'pod'] as const) levels.set(`${whose}_sign_ons`, signOns[whose]);
    const pod = this.#pod.levels();
    for (const kind of [...COUNTED, 'memory', 'heap'] as const) levels.set(`pod_${kind}`, pod[kind]);
    return levels;
  }

  /** May be called twice. */
  stop(): void {
    this.#addresses.stop();
    this.#signOns.stop();
    this.#held.stop();
  }

  #keyOf(asker: Asker): string | undefined {
    const known = this.#keys.get(asker);
    if (known !== undefined) return known.key;
    const key = countedAs(asker, this.#rules);
    this.#keys.set(asker, { key });
    return key;
  }

  #full(of: Counted | 'memory' | 'heap'): OverLimit {
    const isMemory = of === 'memory' || of === 'heap';
    const { variable } = isMemory ? POD_LIMITS.memory : POD_LIMITS[of];
    const what = isMemory ? 'is short of memory' : `has all the ${PLURALS[of]} that it takes`;
    return this.#over(`pod_${of}`, {
      code: 'overloaded',
      message: `this relay ${what} (${variable}): try again in ${OVERLOADED_RETRY_SECONDS} s`,
      retrySeconds: OVERLOADED_RETRY_SECONDS,
    });
  }

  #over(limit: MetLimit, said: Pick<OverLimit, 'code' | 'message' | 'retrySeconds'>): OverLimit {
    this.#recorder.limitMet(limit);
    return { kind: 'over', limit, ...said };
  }
}

function wayOut(retrySeconds: number): string {
  return `try again in ${retrySeconds} s; whoever runs this relay can raise that, or name the address in UNLIMITED_ADDRESSES`;
}

function both(one: Slot, other: Slot): Slot {
  return {
    release() {
      one.release();
      other.release();
    },
  };
}
