// The relay link: keeps one control link to some relay for as long as the agent lives.

import { isGrant } from '#shared/protocol/claim.ts';
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { AgentStatus, Dial, Resumption, Welcome } from '#shared/protocol/control-messages.ts';
import { Backoff, RETURN_GROWTH } from '#shared/time/backoff.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { pause } from '#shared/time/pause.ts';
import { TokenBucket } from '#shared/time/token-bucket.ts';
import type { DialOutcome } from '#shared/websocket/dial.ts';
import { waitFor } from '#shared/websocket/dial-failure.ts';
import { AGENT_PACE } from '#shared/websocket/link-budget.ts';
import { type ControlLink, controlLinkOver } from './control-link.ts';
import { closedEarly, type LinkFailure, linkFailureFrom } from './link-failure.ts';
import { dialControlLink, type RelayTarget } from './relay-dialler.ts';

/** Full jitter between attempts, in milliseconds: quick at first, since clients may be waiting for the agent. */
const BACKOFF = { firstMs: 100, maxMs: 3_000, growth: RETURN_GROWTH } as const;

/**
 * After a link on which too much was said, either way, in milliseconds before jitter: dialling again at once would only
 * go on with it.
 */
export const REST_AFTER_SPENT_LINK_MS = 10_000;

/** More than this is not kept while no link is up: it is for metrics only. */
const MAX_UNTOLD = 100;

/** When what was not told for its pace is tried again, in milliseconds. */
const RESUMPTIONS_AGAIN_MS = 1_000;

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
  /** A relay asked for a stream in a way that cannot be understood; its link stays up. */
  readonly onUnreadableDial: (detail: string) => void;
  /** No link is up any more; dialling goes on. */
  readonly onLost: (reason: CloseReason) => void;
  /** Something is in the way, and dialling goes on; once per kind of trouble until a link is up. */
  readonly onTrouble: (failure: LinkFailure) => void;
  /** True while somebody is in a session: then an ID that went to another agent is not given up. */
  readonly isBusy: () => boolean;
  /** The patience is over. The last call. */
  readonly onFailed: (failure: LinkFailure) => void;
  /** In tests, in place of the network. */
  readonly dial?: (target: RelayTarget, signal: AbortSignal, grant: string) => Promise<DialOutcome>;
}

export interface RelayLink {
  /** Tells the relay how things are; told again to each new relay. */
  report(status: AgentStatus): void;
  /** Tells one relay what became of a session: now, or once a link is up again. */
  tell(resumption: Resumption): void;
  /** Says goodbye. May be called twice. */
  stop(): void;
}

/** Starts dialling at once. */
export function startRelayLink(options: RelayLinkOptions): RelayLink {
  const link = new PersistentLink(options);
  void link.run();
  return link;
}

/** On the Clock, in milliseconds. */
interface Trouble {
  readonly firstAt: number;
  readonly lastAt: number;
}

class PersistentLink implements RelayLink {
  readonly #options: RelayLinkOptions;
  readonly #stopping = new AbortController();
  /** Welcomed and not yet closed; two of them while one takes over from the other. */
  readonly #up = new Set<ControlLink>();
  readonly #backoff: Backoff;
  /** When each kind of trouble was first and last met since a link was last up. */
  readonly #troubles = new Map<LinkFailure['kind'], Trouble>();
  #lastTrouble: LinkFailure['kind'] | undefined;
  #status: AgentStatus | undefined;
  /** What proves to relays since when this agent has had its ID. */
  #grant = '';
  readonly #untold: Resumption[] = [];
  /** Until the status may be told again; what it is then is what counts. */
  #cancelStatus: Cancel | undefined;
  #toldStatus: AgentStatus | undefined;
  readonly #resumptions: TokenBucket;
  #cancelResumptions: Cancel | undefined;
  #wasLinked = false;
  /** Why the last link that was up closed. */
  #lastReason: CloseReason | undefined;

  constructor(options: RelayLinkOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ ...BACKOFF, random: options.random });
    this.#resumptions = new TokenBucket(AGENT_PACE.resumptions, options.clock.now());
  }

  report(status: AgentStatus): void {
    this.#status = status;
    if (this.#cancelStatus === undefined) this.#reportNow();
  }

  #reportNow(): void {
    this.#cancelStatus = undefined;
    const { clock } = this.#options;
    if (this.#status === undefined || this.#status === this.#toldStatus || this.#up.size === 0) return;
    this.#toldStatus = this.#status;
    for (const link of this.#up) link.send(this.#status);
    this.#cancelStatus = clock.after(AGENT_PACE.statusEveryMs, () => {
      this.#reportNow();
    });
  }

  tell(resumption: Resumption): void {
    if (this.#untold.length < MAX_UNTOLD) this.#untold.push(resumption);
    this.#tellNow();
  }

  stop(): void {
    this.#cancelStatus?.();
    this.#cancelResumptions?.();
    this.#stopping.abort();
  }

  async run(): Promise<void> {
    const { clock, onFailed, target, dial = dialControlLink } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const outcome = await dial(target, signal, this.#grant);
      const failure =
        outcome.kind === 'open'
          ? await this.#serve(outcome)
          : linkFailureFrom(outcome, target, this.#wasLinked);
      if (signal.aborted) return;
      if (failure !== undefined && !this.#isWorthAnother(failure)) return onFailed(failure);
      // Many agents lose the same relay at the same moment, so even the first re-dial is jittered.
      const asked = failure === undefined ? 0 : this.#waitAsked(failure);
      await pause(clock, this.#restMs() ?? Math.max(this.#backoff.next(), asked), signal);
    }
  }

  /** What a relay that is full asks for, though not beyond the patience: then it is asked for the last time. */
  #waitAsked(failure: LinkFailure): number {
    const { clock, random } = this.#options;
    const waitedMs = clock.now() - (this.#troubles.get(failure.kind)?.firstAt ?? clock.now());
    return Math.min(waitFor(failure, random), failure.patienceMs - waitedMs);
  }

  /** Not less than half of it: full jitter could as well be none. */
  #restMs(): number | undefined {
    if (this.#lastReason !== 'over_budget') return undefined;
    this.#lastReason = undefined;
    return REST_AFTER_SPENT_LINK_MS * (0.5 + this.#options.random() / 2);
  }

  #isWorthAnother(failure: LinkFailure): boolean {
    const { kind, patienceMs } = failure;
    const now = this.#options.clock.now();
    const met = this.#troubles.get(kind);
    // What was over for so long, with something else in the way since, is not the same trouble.
    const isNew = met === undefined || (this.#lastTrouble !== kind && now - met.lastAt >= patienceMs);
    const firstAt = isNew ? now : met.firstAt;
    this.#troubles.set(kind, { firstAt, lastAt: now });
    this.#lastTrouble = kind;
    if (now - firstAt >= patienceMs) return kind === 'usurped' && this.#options.isBusy();
    if (isNew) this.#options.onTrouble(failure);
    return true;
  }

  /**
   * Uses a link until it closes or the relay says that it will; after a goaway it stays up until its successor is.
   * The result is what was wrong with it, if it never came up.
   */
  #serve({ socket, transport }: Extract<DialOutcome, { kind: 'open' }>): Promise<LinkFailure | undefined> {
    const { clock, onDial, onLost, onUnreadableDial, target } = this.#options;
    const { signal } = this.#stopping;
    const { promise, resolve } = Promise.withResolvers<LinkFailure | undefined>();
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
          case 'grant':
            return this.#keep(message.grant);
          case 'dial':
            return onDial(message);
          case 'goaway':
            return resolve(undefined);
        }
      },
      onUnreadableDial,
      onClosed: (reason) => {
        cancelWelcome();
        signal.removeEventListener('abort', leave);
        const wasUp = this.#up.delete(link);
        if (wasUp) this.#lastReason = reason;
        if (wasUp && this.#up.size === 0 && !signal.aborted) onLost(reason);
        resolve(wasUp ? undefined : closedEarly(target, reason, this.#wasLinked));
      },
    });
    const leave = (): void => {
      link.close('ended');
    };
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    return promise;
  }

  /** A text that is no header value would break the next dial. */
  #keep(grant: string): void {
    if (isGrant(grant)) this.#grant = grant;
  }

  #relyOn(link: ControlLink, welcome: Welcome): void {
    const older = [...this.#up];
    this.#up.add(link);
    for (const old of older) old.close('ended');
    this.#wasLinked = true;
    this.#keep(welcome.grant);
    this.#backoff.reset();
    this.#troubles.clear();
    if (this.#status !== undefined) link.send(this.#status);
    this.#tellNow();
    this.#options.onWelcome(welcome);
  }

  #tellNow(): void {
    // During a move there are two; the newer one stays.
    const link = [...this.#up].at(-1);
    if (link === undefined) return;
    const { clock } = this.#options;
    for (let next = this.#untold[0]; next !== undefined; [next] = this.#untold) {
      if (this.#resumptions.take(clock.now()) > 0) break;
      this.#untold.shift();
      link.send(next);
    }
    if (this.#untold.length === 0) return;
    this.#cancelResumptions ??= clock.after(RESUMPTIONS_AGAIN_MS, () => {
      this.#cancelResumptions = undefined;
      this.#tellNow();
    });
  }
}
