// The continuity of a registry that can forget: since when it surely remembers, and until when it remembered before that.

/**
 * A pod that was not there before a loss cannot know when the registry was last well. It then takes agents back that were
 * linked within this time before the loss, in milliseconds.
 */
export const LONGEST_OUTAGE_MS = 3_600_000;

/** Times are in milliseconds since the Unix epoch. */
export interface RegistryMemory {
  /** What was written after this is remembered. */
  readonly since: number;
  /** What was written before this was remembered until then, and may be forgotten now. */
  readonly knownUntil: number;
}

/** The memory of a registry that began at `since`, for a pod that was not there before. */
export function memoryFrom(since: number): RegistryMemory {
  return { since, knownUntil: since - LONGEST_OUTAGE_MS };
}

/** What one pod knows of a Redis: from its connections, and from the mark in it, which says when it was last empty. */
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
    // A pod that has just started believes the mark. One that has seen this mark before knows of the gap in its connection.
    if (this.#bornAt === undefined) this.#memory = memoryFrom(bornAt);
    else if (this.#bornAt !== bornAt) this.#memory = this.#gapBefore(bornAt);
    this.#bornAt = bornAt;
    // Without `connected` nothing is known of this connection, so it says nothing of the time before.
    if (this.#memory !== undefined) this.#seenAt = now;
  }

  /** The connection is lost. Calls may use the next one before `connected` says that it is there. */
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
