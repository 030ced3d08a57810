// The continuity of a registry that can forget: since when it surely remembers, and until when it did before.

/** A pod that knows nothing of the time before a loss lets come back who was linked so long before it, in milliseconds. */
export const LONGEST_OUTAGE_MS = 3_600_000;

/** Times are in milliseconds since the Unix epoch. */
export interface RegistryMemory {
  /** What was written after this is remembered. */
  readonly since: number;
  /** What was written before this was remembered until then, and may be forgotten now. */
  readonly knownUntil: number;
}

/** The memory of a registry that begins at `since`, as far as a pod knows that was not there before. */
export function memoryFrom(since: number): RegistryMemory {
  return { since, knownUntil: since - LONGEST_OUTAGE_MS };
}

/** What one pod knows of a Redis: its connections, and the mark that lies in it from the time when it was empty. */
export class Continuity {
  #memory: RegistryMemory | undefined;
  #bornAt: number | undefined;
  #seenAt: number | undefined;

  /** A connection is there: to a server that may have forgotten everything, or the last second. */
  connected(now: number): void {
    this.#memory = this.#gapBefore(now);
  }

  /** The mark says that it remembers since `bornAt`. */
  looked(now: number, bornAt: number): void {
    // A pod that has just begun believes the mark; one that was here before, and finds the same mark, remembers the gap.
    if (this.#bornAt === undefined) this.#memory = memoryFrom(bornAt);
    else if (this.#bornAt !== bornAt) this.#memory = this.#gapBefore(bornAt);
    this.#bornAt = bornAt;
    // What was seen on a connection that nobody has spoken for says nothing of the time before.
    if (this.#memory !== undefined) this.#seenAt = now;
  }

  /** The connection is lost: the next one may be in use before anybody says so. */
  disconnected(): void {
    this.#memory = undefined;
  }

  memoryAt(now: number): RegistryMemory {
    return this.#memory ?? this.#gapBefore(now);
  }

  #gapBefore(since: number): RegistryMemory {
    return this.#seenAt === undefined ? memoryFrom(since) : { since, knownUntil: this.#seenAt };
  }
}
