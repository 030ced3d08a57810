// Waiting clients: those on this pod that are not answered yet, and how a pod that leaves sends them away.

/** Why a wait was given up, as the reason of its signal: the pod leaves, and another one may answer the client. */
export const DISMISSED = 'the relay dismissed it';

export class WaitingClients {
  readonly #waits = new Set<AbortController>();

  /** A client begins to wait. Aborting the wait ends it, and the reason says why. */
  add(): AbortController {
    const wait = new AbortController();
    this.#waits.add(wait);
    return wait;
  }

  /** It has its answer. May be called twice. */
  remove(wait: AbortController): void {
    this.#waits.delete(wait);
  }

  /** Sends all of them away, with the reason DISMISSED. */
  dismiss(): void {
    for (const wait of this.#waits) wait.abort(DISMISSED);
  }
}
