// The relay link: keeps one control link to some relay for as long as the agent lives.
import type { Clock } from '#shared/clock.ts';
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { AgentStatus, Dial, Welcome } from '#shared/protocol/control-messages.ts';
import { Backoff } from '#shared/stream/backoff.ts';
import type { DialOutcome } from '#shared/stream/dial.ts';
import { type ControlLink, controlLinkOver } from './control-link.ts';
import { closedEarly, type LinkFailure, linkFailureFrom } from './link-failure.ts';
import { dialControlLink, type RelayTarget } from './relay-dialler.ts';

/** Full jitter between attempts, in milliseconds: quick at first, since clients may be waiting for the agent. */
const BACKOFF = { firstMs: 100, maxMs: 3_000 } as const;

/** A relay that upgrades but does not say welcome within this time is none, in milliseconds. */
export const WELCOME_WITHIN_MS = 10_000;

export interface RelayLinkOptions {
  readonly target: RelayTarget;
  readonly clock: Clock;
  /** In [0, 1), for the jitter. */
  readonly random: () => number;
  /** A link is up: the first one, or another after a loss or a goodbye. */
  readonly onWelcome: (welcome: Welcome) => void;
  readonly onDial: (dial: Dial) => void;
  /** No link is up any more; dialling goes on. */
  readonly onLost: (reason: CloseReason) => void;
  /** Something is in the way, and dialling goes on; once per kind of trouble until a link is up. */
  readonly onTrouble: (failure: LinkFailure) => void;
  /** The patience is over. The last call. */
  readonly onFailed: (failure: LinkFailure) => void;
  /** In tests, in place of the network. */
  readonly dial?: (target: RelayTarget, signal: AbortSignal) => Promise<DialOutcome>;
}

export interface RelayLink {
  /** Tells the relay how things are; told again to each new relay. */
  report(status: AgentStatus): void;
  /** Says goodbye. May be called twice. */
  stop(): void;
}

/** Starts dialling at once. */
export function startRelayLink(options: RelayLinkOptions): RelayLink {
  const link = new PersistentLink(options);
  void link.run();
  return link;
}

class PersistentLink implements RelayLink {
  readonly #options: RelayLinkOptions;
  readonly #stopping = new AbortController();
  readonly #open = new Set<ControlLink>();
  readonly #backoff: Backoff;
  /** When each kind of trouble was first met since a link was last up. */
  readonly #troubles = new Map<LinkFailure['kind'], number>();
  #status: AgentStatus | undefined;
  #attempts = 0;
  #wasLinked = false;

  constructor(options: RelayLinkOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ ...BACKOFF, random: options.random });
  }

  report(status: AgentStatus): void {
    this.#status = status;
    for (const link of this.#open) link.send(status);
  }

  stop(): void {
    this.#stopping.abort();
    for (const link of this.#open) link.close('ended');
  }

  async run(): Promise<void> {
    const { clock, onFailed, target, dial = dialControlLink } = this.#options;
    const { signal } = this.#stopping;
    for (;;) {
      // Many agents lose the same relay at the same moment, so even the first re-dial is jittered.
      if (this.#attempts > 0) await pause(clock, this.#backoff.next(), signal);
      if (signal.aborted) return;
      this.#attempts += 1;
      const outcome = await dial(target, signal);
      const failure =
        outcome.kind === 'open'
          ? await this.#serve(outcome)
          : linkFailureFrom(outcome, target, this.#wasLinked);
      if (signal.aborted) return;
      if (failure !== undefined && !this.#isWorthAnother(failure)) return onFailed(failure);
    }
  }

  #isWorthAnother(failure: LinkFailure): boolean {
    const now = this.#options.clock.now();
    const firstSeen = this.#troubles.get(failure.kind);
    if (now - (firstSeen ?? now) >= failure.patienceMs) return false;
    if (firstSeen !== undefined) return true;
    this.#troubles.set(failure.kind, now);
    this.#options.onTrouble(failure);
    return true;
  }

  /**
   * Uses a link until it closes or the relay says that it will; after a goaway it stays up until its successor is.
   * The result is what was wrong with it, if it never came up.
   */
  #serve({ socket, transport }: Extract<DialOutcome, { kind: 'open' }>): Promise<LinkFailure | undefined> {
    const { clock, onDial, onLost, target } = this.#options;
    const { promise, resolve } = Promise.withResolvers<LinkFailure | undefined>();
    if (this.#stopping.signal.aborted) socket.terminate();
    const cancelWelcome = clock.after(WELCOME_WITHIN_MS, () => {
      link.close('fault');
    });
    const link = controlLinkOver(socket, transport, {
      clock,
      onMessage: (message) => {
        switch (message.type) {
          case 'welcome':
            cancelWelcome();
            return this.#relyOn(link, message);
          case 'dial':
            return onDial(message);
          case 'goaway':
            return resolve(undefined);
        }
      },
      onClosed: (reason) => {
        cancelWelcome();
        const wasUp = this.#open.delete(link);
        if (wasUp && this.#open.size === 0 && !this.#stopping.signal.aborted) onLost(reason);
        resolve(wasUp ? undefined : closedEarly(target, reason, this.#wasLinked));
      },
    });
    return promise;
  }

  #relyOn(link: ControlLink, welcome: Welcome): void {
    const older = [...this.#open];
    this.#open.add(link);
    for (const old of older) old.close('ended');
    this.#wasLinked = true;
    this.#backoff.reset();
    this.#troubles.clear();
    if (this.#status !== undefined) link.send(this.#status);
    this.#options.onWelcome(welcome);
  }
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  const wake = (): void => {
    resolve();
  };
  signal.addEventListener('abort', wake, { once: true });
  return promise.finally(() => {
    cancel();
    signal.removeEventListener('abort', wake);
  });
}
