// The relay link: keeps one control link to some relay for as long as the agent lives.
import type { Prover } from '#shared/identity/proof-maker.ts';
import { isGrant } from '#shared/protocol/claim.ts';
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import {
  type AccessMessage,
  type AgentMessage,
  type AgentStatus,
  type Dial,
  parseRelayMessage,
  type Received,
  type RelayMessage,
  type Resumption,
  type Welcome,
} from '#shared/protocol/control-messages.ts';
import { isPass } from '#shared/protocol/identity.ts';
import { Backoff, RETURN_GROWTH } from '#shared/time/backoff.ts';
import type { Clock } from '#shared/time/clock.ts';
import { pause } from '#shared/time/pause.ts';
import { type ControlLink, controlLinkOver } from '#shared/websocket/control-link.ts';
import { waitFor } from '#shared/websocket/dial-failure-text.ts';
import type { LinkDialOutcome } from '#shared/websocket/dial-link.ts';
import { RELAY_BUDGET } from '#shared/websocket/link-budget.ts';
import type { UntoldRecords } from '../audit/untold-records.ts';
import { closedEarly, endedByOperator, type LinkFailure, linkFailureFrom } from './link-failure.ts';
import { Patience } from './patience.ts';
import {
  type ControlDialOutcome,
  dialControlLink,
  type LinkPapers,
  type RelayTarget,
} from './relay-dialler.ts';
import { StatusPace } from './status-pace.ts';
import { UntoldResumptions } from './untold-resumptions.ts';

/** Full jitter between attempts, in milliseconds: quick at first, since clients may be waiting for the agent. */
const BACKOFF = { firstMs: 100, maxMs: 3_000, growth: RETURN_GROWTH } as const;

/**
 * The rest after a link that was closed for too much traffic, in milliseconds before jitter: dialling again at once would
 * only go on with it.
 */
export const REST_AFTER_SPENT_LINK_MS = 10_000;

/** How long a relay may take to say welcome, in milliseconds; whatever does not is not treated as a relay. */
export const WELCOME_WITHIN_MS = 10_000;

export interface RelayLinkOptions {
  readonly target: RelayTarget;
  readonly clock: Clock;
  /** In [0, 1), for the jitter. */
  readonly random: () => number;
  /** For a relay that asks who this is. */
  readonly prover: Prover;
  /** What is to be told to relays that keep a record. */
  readonly records?: Pick<UntoldRecords, 'greet' | 'left' | 'taken'>;
  /** In tests, in place of the network. */
  readonly dial?: (
    target: RelayTarget,
    signal: AbortSignal,
    papers: LinkPapers,
  ) => Promise<ControlDialOutcome>;
}

/** Whoever hears what happens, and is asked what to report. */
export interface RelayListener {
  /** A link is up: the first one, or another after a loss or a goodbye. */
  readonly onWelcome: (welcome: Welcome) => void;
  /** The relay says who may enter; it was asked. */
  readonly onAccess?: (access: AccessMessage) => void;
  readonly onDial: (dial: Dial) => void;
  /** A relay asked for a stream in a way that cannot be understood; its link stays up. */
  readonly onUnreadableDial: (detail: string) => void;
  /** No link is up any more; dialling goes on. */
  readonly onLost: (reason: CloseReason) => void;
  /** Something is in the way, and dialling goes on; once per kind of trouble until a link is up. */
  readonly onTrouble: (failure: LinkFailure) => void;
  /** The patience is over. The last call. */
  readonly onFailed: (failure: LinkFailure) => void;
  /** True while somebody is logged in: then an ID that went to another agent is not given up. */
  readonly isBusy: () => boolean;
  /** How things are now. */
  readonly status: () => AgentStatus;
}

/** The link of one agent, whichever relay has it. */
export interface RelayLink {
  /** Begins the first dial ahead of the start, from which on it is heard what came of it and what the relay has said. To be called once. */
  dialAhead(): void;
  /** Dials from now on. To be called once. */
  start(listener: RelayListener): void;
  /** The status is to be sent to the relay; it is sent again to each new relay. */
  statusChanged(): void;
  /** Reports to one relay what became of a stream: now, or once a link is up again. */
  tell(resumption: Resumption): void;
  /** Says goodbye. May be called twice. */
  stop(): void;
}

/** Dials nothing before it is told to. */
export function createRelayLink(options: RelayLinkOptions): RelayLink {
  return new PersistentLink(options);
}

/** What was before the next dial. */
type Past =
  | { readonly kind: 'never_up' }
  /** `reason`: why the last link that was up closed, if one has. */
  | { readonly kind: 'was_up'; readonly reason: CloseReason | undefined };

class PersistentLink implements RelayLink {
  readonly #options: RelayLinkOptions;
  readonly #stopping = new AbortController();
  /** Welcomed and not yet closed; two of them while one takes over from the other. */
  readonly #up = new Set<ControlLink<AgentMessage>>();
  readonly #backoff: Backoff;
  readonly #patience: Patience;
  readonly #status: StatusPace;
  readonly #resumptions: UntoldResumptions;
  #listener: RelayListener | undefined;
  /** It was begun ahead of the start. */
  #firstDial: Promise<ControlDialOutcome> | undefined;
  /** What proves to relays since when this agent has had its ID. */
  #grant = '';
  /** What shows that a relay has let this agent in. */
  #pass = '';
  #past: Past = { kind: 'never_up' };

  constructor(options: RelayLinkOptions) {
    const { clock, random } = options;
    this.#options = options;
    this.#backoff = new Backoff({ ...BACKOFF, random });
    this.#patience = new Patience(clock);
    this.#status = new StatusPace(clock, this.#up);
    this.#resumptions = new UntoldResumptions(clock, this.#up);
  }

  dialAhead(): void {
    this.#firstDial = this.#dial();
  }

  start(listener: RelayListener): void {
    this.#listener = listener;
    void this.#run(listener);
  }

  statusChanged(): void {
    if (this.#listener !== undefined) this.#status.tell(this.#listener.status());
  }

  tell(resumption: Resumption): void {
    this.#resumptions.tell(resumption);
  }

  stop(): void {
    this.#status.stop();
    this.#resumptions.stop();
    this.#stopping.abort();
  }

  async #run(listener: RelayListener): Promise<void> {
    const { clock, random, target } = this.#options;
    const { signal } = this.#stopping;
    for (let dialling = this.#firstDial; !signal.aborted; dialling = undefined) {
      const outcome = await (dialling ?? this.#dial());
      const failure =
        outcome.kind === 'open'
          ? await this.#serve(outcome, listener)
          : linkFailureFrom(outcome, target, this.#wasUp);
      if (signal.aborted) return;
      let askedMs = 0;
      if (failure !== undefined) {
        const verdict = this.#patience.met(failure, listener.isBusy());
        if (verdict === 'give_up') return listener.onFailed(failure);
        if (verdict === 'retry_and_tell') listener.onTrouble(failure);
        // A full relay says how long to wait. If that is longer than the patience, the last attempt is at the patience's end.
        askedMs = Math.min(waitFor(failure, random), this.#patience.remainingMs(failure));
      }
      // Many agents lose the same relay at the same moment, so even the first re-dial is jittered.
      await pause(clock, this.#restMs() ?? Math.max(this.#backoff.next(), askedMs), signal);
    }
  }

  #dial(): Promise<ControlDialOutcome> {
    const { target, prover, dial = dialControlLink } = this.#options;
    return dial(target, this.#stopping.signal, { grant: this.#grant, pass: this.#pass, prover });
  }

  get #wasUp(): boolean {
    return this.#past.kind === 'was_up';
  }

  /** At least half of it: with full jitter it could be no rest at all. */
  #restMs(): number | undefined {
    if (this.#past.kind !== 'was_up' || this.#past.reason !== 'over_budget') return undefined;
    this.#past = { kind: 'was_up', reason: undefined };
    return REST_AFTER_SPENT_LINK_MS * (0.5 + this.#options.random() / 2);
  }

  /**
   * Uses a link until it closes or the relay says that it will; after a goaway it stays up until its successor is.
   * The result is what was wrong with it, if it never came up.
   */
  #serve(
    { socket, transport }: Extract<LinkDialOutcome, { kind: 'open' }>,
    listener: RelayListener,
  ): Promise<LinkFailure | undefined> {
    const { clock, target } = this.#options;
    const { onDial, onLost, onUnreadableDial } = listener;
    const { signal } = this.#stopping;
    const { promise, resolve } = Promise.withResolvers<LinkFailure | undefined>();
    const cancelWelcome = clock.after(WELCOME_WITHIN_MS, () => {
      link.close('fault');
    });
    const link: ControlLink<AgentMessage> = controlLinkOver(socket, transport, {
      clock,
      budget: RELAY_BUDGET,
      parse: readRelayMessage,
      onMessage: (message) => {
        switch (message.type) {
          case 'welcome':
            cancelWelcome();
            this.#relyOn(link, message);
            return listener.onWelcome(message);
          case 'access':
            return target.asksAccess === true ? listener.onAccess?.(message) : undefined;
          case 'grant':
            return this.#keep(message.grant);
          case 'dial':
            return onDial(message);
          case 'unreadable_dial':
            return onUnreadableDial(message.detail);
          case 'audit_taken':
            return this.#options.records?.taken(message.seq);
          case 'goaway':
            return resolve(undefined);
        }
      },
      onClosed: (reason) => {
        cancelWelcome();
        signal.removeEventListener('abort', leave);
        const wasUp = this.#up.delete(link);
        this.#options.records?.left(link);
        if (reason === 'ended_by_operator' && !signal.aborted) {
          this.stop();
          listener.onFailed(endedByOperator(target));
          return resolve(undefined);
        }
        if (wasUp) this.#past = { kind: 'was_up', reason };
        if (wasUp && this.#up.size === 0 && !signal.aborted) onLost(reason);
        resolve(wasUp ? undefined : closedEarly(target, reason, this.#wasUp));
      },
    });
    const leave = (): void => {
      link.close('ended');
    };
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    return promise;
  }

  /** A text that is not a header value would break the next dial. */
  #keep(grant: string): void {
    if (isGrant(grant)) this.#grant = grant;
  }

  #relyOn(link: ControlLink<AgentMessage>, welcome: Welcome): void {
    const older = [...this.#up];
    this.#up.add(link);
    for (const old of older) old.close('ended');
    if (this.#past.kind === 'never_up') this.#past = { kind: 'was_up', reason: undefined };
    this.#keep(welcome.grant);
    // A relay without a policy gives none; another one may still ask for that of before.
    if (isPass(welcome.pass)) this.#pass = welcome.pass;
    this.#backoff.reset();
    this.#patience.forget();
    this.#status.greet(link);
    this.#resumptions.tellRest();
    this.#options.records?.greet(link, welcome.audit);
  }
}

/** A dial that cannot be read fails one client, so the link stays for the others. */
interface UnreadableDial {
  readonly type: 'unreadable_dial';
  readonly detail: string;
}

function readRelayMessage(text: string): Received<RelayMessage | UnreadableDial> {
  const received = parseRelayMessage(text);
  return received.kind === 'malformed' && received.type === 'dial'
    ? { kind: 'message', message: { type: 'unreadable_dial', detail: received.detail } }
    : received;
}
