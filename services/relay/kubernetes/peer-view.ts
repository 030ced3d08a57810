// The peer view: which pods the endpoint slices name, and which they no longer do.
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { Peer } from './cluster.ts';
import type { EndpointSlice } from './endpoint-slice.ts';

/**
 * How long a pod must be missing before it counts as gone, in milliseconds: one that moves from one slice to another is
 * in neither for a moment, since the two changes come one after the other.
 */
export const SETTLE_MS = 1_000;

/** How many vanished pods are remembered. Their registry entries live for a lease: no rollout replaces more meanwhile. */
export const MAX_VANISHED = 1_024;

/**
 * What the slices say is believed only while they name this pod too: otherwise they are of another Service, or the
 * Service was deleted or selects nothing, and a pod that they do not name may well be there.
 */
export class PeerView {
  readonly #clock: Clock;
  readonly #selfAddress: string;
  readonly #slices = new Map<string, EndpointSlice>();
  /** By address. Here and in the next two, the oldest come first. */
  #present = new Map<string, Peer>();
  /** Since when a pod is no longer named that is not believed to be gone yet. */
  readonly #departed = new Map<string, number>();
  readonly #gone = new Set<string>();
  #isListed = false;
  #cancel: Cancel = () => undefined;

  constructor(clock: Clock, selfAddress: string) {
    this.#clock = clock;
    this.#selfAddress = selfAddress;
  }

  /** True once the slices were listed. */
  get isListed(): boolean {
    return this.#isListed;
  }

  /** True while the slices name this pod. */
  get isOurs(): boolean {
    return this.#present.has(this.#selfAddress);
  }

  peers(): readonly Peer[] {
    return [...this.#present.values()];
  }

  isAlive(address: string): boolean | undefined {
    if (this.#present.has(address)) return true;
    return this.#gone.has(address) ? false : undefined;
  }

  /** All slices, after a list. */
  replace(slices: readonly EndpointSlice[]): void {
    this.#isListed = true;
    this.#slices.clear();
    for (const slice of slices) this.#slices.set(slice.name, slice);
    this.#update();
  }

  /** One slice, after an event. */
  put(slice: EndpointSlice): void {
    this.#slices.set(slice.name, slice);
    this.#update();
  }

  remove(name: string): void {
    this.#slices.delete(name);
    this.#update();
  }

  /** Ends its timer. May be called twice. */
  stop(): void {
    this.#cancel();
  }

  #update(): void {
    const before = this.#present;
    this.#present = new Map();
    for (const { peers } of this.#slices.values()) {
      for (const peer of peers) this.#present.set(peer.address, peer);
    }
    for (const address of before.keys()) {
      if (!this.#present.has(address)) this.#departed.set(address, this.#clock.now());
    }
    forgetOldest(this.#departed);
    for (const address of this.#present.keys()) {
      this.#departed.delete(address);
      this.#gone.delete(address);
    }
    this.#settle();
  }

  /** Believes that pods are gone which have been missing for long enough, and comes back for the others. */
  #settle(): void {
    this.#cancel();
    // The update that names this pod again comes here again.
    if (!this.isOurs) return;
    const now = this.#clock.now();
    let nextAt = Number.POSITIVE_INFINITY;
    for (const [address, at] of this.#departed) {
      if (at + SETTLE_MS > now) {
        nextAt = Math.min(nextAt, at + SETTLE_MS);
        continue;
      }
      this.#departed.delete(address);
      this.#gone.add(address);
    }
    forgetOldest(this.#gone);
    if (nextAt < Number.POSITIVE_INFINITY) {
      this.#cancel = this.#clock.after(nextAt - now, () => {
        this.#settle();
      });
    }
  }
}

function forgetOldest(vanished: Map<string, unknown> | Set<string>): void {
  for (const oldest of vanished.keys()) {
    if (vanished.size <= MAX_VANISHED) break;
    vanished.delete(oldest);
  }
}
