// Pending dials: clients on this pod, each waiting for the stream of an agent.
import { takeRandomBytes } from '#shared/machine/random-pool.ts';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import type { Clock } from '#shared/time/clock.ts';

/** How long an agent may take from the dial to its stream, in milliseconds; then the client gets 504. */
export const AGENT_DIAL_TIMEOUT_MS = 10_000;

/** 192 bits, since whoever knows the nonce gets the client. */
const NONCE_BYTES = 24;

/** How many clients may wait for streams of one agent at a time. */
export const MAX_PENDING_DIALS_PER_AGENT = 512;

export type DialResult =
  | { readonly kind: 'stream'; readonly stream: ByteStream; readonly route: 'local' | 'waiting' }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'aborted' };

interface Pending {
  readonly id: string;
  readonly nonce: string;
  ticket: string | undefined;
  /** False if the wait was over before. */
  settle(result: DialResult): boolean;
}

/** A wait for a stream. The stream asks for it by `nonce`. */
export interface PendingDial {
  readonly nonce: string;
  readonly result: Promise<DialResult>;
  /** Notes the ticket that was sealed for it: a stream that comes to this pod is then found by it, without opening it. */
  nameTicket(ticket: string): void;
  /** Ends the wait with `aborted`. May be called twice, and after the result. */
  giveUp(): void;
}

/** A wait that was taken out: its stream is here, and is to be given to it. */
export interface RedeemedDial {
  give(stream: ByteStream, route: 'local' | 'waiting'): void;
}

export class PendingDials {
  readonly #clock: Clock;
  /** By nonce. */
  readonly #pending = new Map<string, Pending>();
  readonly #byTicket = new Map<string, Pending>();
  readonly #perAgent = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Waits for one stream of agent `id`; undefined when too many are waiting already. Any of `signals` gives it up. */
  issue(id: string, timeoutMs: number, signals: readonly AbortSignal[]): PendingDial | undefined {
    const waiting = this.#perAgent.get(id) ?? 0;
    if (waiting >= MAX_PENDING_DIALS_PER_AGENT) return undefined;
    this.#perAgent.set(id, waiting + 1);
    const nonce = takeRandomBytes(NONCE_BYTES).toString('base64url');
    const { promise, resolve } = Promise.withResolvers<DialResult>();
    let settled = false;
    const settle = (result: DialResult): boolean => {
      if (settled) return false;
      settled = true;
      this.#takeOut(pending);
      cancel();
      for (const signal of signals) signal.removeEventListener('abort', giveUp);
      resolve(result);
      return true;
    };
    const giveUp = (): void => {
      settle({ kind: 'aborted' });
    };
    const cancel = this.#clock.after(timeoutMs, () => {
      settle({ kind: 'timeout' });
    });
    const pending: Pending = { id, nonce, ticket: undefined, settle };
    this.#pending.set(nonce, pending);
    for (const signal of signals) signal.addEventListener('abort', giveUp);
    if (signals.some((signal) => signal.aborted)) giveUp();
    const nameTicket = (ticket: string): void => {
      pending.ticket = ticket;
      if (this.#pending.has(nonce)) this.#byTicket.set(ticket, pending);
    };
    return { nonce, result: promise, nameTicket, giveUp };
  }

  /** Takes a wait out, once. Undefined for a nonce that is unknown, used, or given up. */
  redeem(nonce: string): RedeemedDial | undefined {
    return this.#redeem(this.#pending.get(nonce));
  }

  /** The same by the ticket, for a stream of agent `id` that came to this very pod. */
  redeemTicket(ticket: string, id: string): RedeemedDial | undefined {
    const pending = this.#byTicket.get(ticket);
    return pending?.id === id ? this.#redeem(pending) : undefined;
  }

  #redeem(pending: Pending | undefined): RedeemedDial | undefined {
    if (pending === undefined) return undefined;
    this.#takeOut(pending);
    return {
      give(stream, route) {
        const wanted = pending.settle({ kind: 'stream', stream, route });
        if (!wanted) stream.close({ reason: 'going_away' });
      },
    };
  }

  #takeOut({ id, nonce, ticket }: Pending): void {
    if (!this.#pending.delete(nonce)) return;
    if (ticket !== undefined) this.#byTicket.delete(ticket);
    const waiting = (this.#perAgent.get(id) ?? 1) - 1;
    if (waiting === 0) this.#perAgent.delete(id);
    else this.#perAgent.set(id, waiting);
  }
}
