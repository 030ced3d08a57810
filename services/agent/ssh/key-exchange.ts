// The key exchange of a connection: nothing else goes either way while it lasts, and it does not last for ever.
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { TransportGate } from './channel/transport-gate.ts';

/**
 * From the client's KEXINIT to its NEWKEYS, in milliseconds, also after the login. sshd waits for ever. A resumable stream
 * may lose its transport in the middle: this is longer than any sensible resume window.
 */
export const EXCHANGE_GRACE_MS = 900_000;

export interface KeyExchangeOptions {
  readonly clock: Clock;
  /** Held while keys are exchanged. */
  readonly gate: TransportGate;
  readonly onTooLate: () => void;
}

type State = { readonly kind: 'idle' } | { readonly kind: 'under_way'; readonly cancelGrace: Cancel };

/** The key exchanges of one connection, one after the other. */
export class KeyExchange {
  readonly #options: KeyExchangeOptions;
  #state: State = { kind: 'idle' };

  constructor(options: KeyExchangeOptions) {
    this.#options = options;
  }

  begun(): void {
    const { clock, gate, onTooLate } = this.#options;
    gate.hold();
    this.stop();
    this.#state = { kind: 'under_way', cancelGrace: clock.after(EXCHANGE_GRACE_MS, onTooLate) };
  }

  done(): void {
    this.stop();
    this.#options.gate.letGo();
  }

  /** It need not be done any more. May be called twice. */
  stop(): void {
    if (this.#state.kind === 'under_way') this.#state.cancelGrace();
    this.#state = { kind: 'idle' };
  }
}
