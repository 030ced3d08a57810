// The client end: dials a transport, opens or resumes the stream on it, and dials again when it is lost.
//
//   state                       event                                  next      action
//   idle                        start                                  dialling  an outage begins
//   dialling                    a transport                            opening   OPEN: new, or resume after one OPENED
//   dialling                    not now                                waiting
//   dialling                    never                                  over
//   dialling                    15 s of a re-dial                      waiting   the dial is aborted
//   waiting                     the wait is over                       dialling
//   opening                     OPENED that fits                       carried   the outage is over
//   opening                     OPENED that does not fit               over      RESET (bad_offset)
//   opening                     REFUSED (bad_version)                  dialling  from now on the oldest version
//   opening                     REFUSED (bad_version), of the oldest   over
//   opening                     REFUSED (open_timeout)                 waiting
//   opening                     REFUSED, any other                     over
//   opening                     no answer, to a new stream             over      RESET (protocol_error)
//   opening                     no answer, to one that exists          waiting   the transport is cut
//   opening                     the transport ends                     waiting
//   opening                     an operator ended the transport        over
//   opening                     10 s                                   waiting   the transport is cut
//   carried                     lost, after 3 s or for the first time  dialling  an outage begins
//   carried                     lost again, within 3 s                 waiting   an outage begins
//   dialling, waiting, opening  the open window ends                   over      given up
//   dialling, waiting, opening  cut                                    over      what is on its way is cut
import type { ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import type { Untrusted } from '#shared/text/untrusted.ts';
import { Backoff, RETURN_GROWTH } from '#shared/time/backoff.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { endOf, RESUME_CODES, type ResumeCode } from './codes.ts';
import type { ReceivedFrame } from './frame-parser.ts';
import { FramedTransport } from './framed-transport.ts';
import {
  encodeOpen,
  encodeReset,
  OLDEST_VERSION,
  type OpenedFrame,
  type OpenMode,
  type ProtocolVersion,
  RESUME_VERSION,
  STREAM_ID_BYTES,
} from './frames.ts';
import {
  BACKOFF_FIRST_MS,
  BACKOFF_LAST_MS,
  FLOW_LIMITS,
  type FlowLimits,
  MAX_RESUME_WINDOW_MS,
  NOTICE_AFTER_MS,
  OPEN_TIMEOUT_MS,
  REDIAL_TIMEOUT_MS,
  STABLE_AFTER_MS,
} from './limits.ts';
import { ResumableStream, type StreamOwner } from './resumable-stream.ts';
import type { ResumeEvent } from './resume-events.ts';

export type TransportOutcome =
  | { readonly kind: 'open'; readonly transport: ByteStream }
  /** Not now (unreachable, 404, 429, 503, 504): worth another try while the window lasts, after `waitMs` at least. */
  | { readonly kind: 'retry'; readonly detail?: string | Untrusted; readonly waitMs?: number }
  /** Never: the stream ends with this. */
  | { readonly kind: 'fatal'; readonly end: StreamEnd };

/**
 * What is reported to a person. After 3 s: that there is no agent (`unanswered`, of a stream that does not exist yet) or
 * no way to it (`interrupted`), and for how long it is tried. Then the end of that, only if it was reported. Nothing once the local side
 * has closed.
 */
export type ResumeStatus =
  | {
      readonly kind: 'unanswered' | 'interrupted';
      readonly windowMs: number;
      readonly detail?: string | Untrusted;
    }
  | { readonly kind: 'answered' | 'restored'; readonly afterMs: number };

export interface ClientEndOptions {
  readonly clock: Clock;
  /**
   * The first dial may take as long as it likes; a re-dial gets 15 s. A rejection counts as `retry`. The signal says that
   * the outcome is not wanted any more; a transport that opens all the same is cut.
   */
  readonly dial: (signal: AbortSignal) => Promise<TransportOutcome>;
  /** From the loss of a transport, unless the agent announces another one. */
  readonly resumeWindowMs: number;
  /** From the first outcome of `dial` to the first OPENED; the resume window by default. */
  readonly openWindowMs?: number;
  /** 0 <= random() < 1, for the jitter. */
  readonly random: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly onStatus: (status: ResumeStatus) => void;
  readonly onEvent: (event: ResumeEvent) => void;
  /**
   * The stream is over on the wire and nothing will be dialled any more. A program must live until then: what was
   * written before a close may still have to be sent. The sink may still be taking its last bytes.
   */
  readonly onOver: (end: StreamEnd) => void;
  readonly limits?: FlowLimits;
}

/** The time without a transport: from `start` or a loss to the next OPENED. */
interface Outage {
  /** What OPEN asks for: the stream exists from the first OPENED on. */
  readonly mode: OpenMode;
  readonly since: number;
  /** Why it lasts, as far as somebody said. */
  detail: string | Untrusted | undefined;
  isTold: boolean;
  readonly cancelNotice: Cancel;
  /** A stream that does not exist yet has no window of its own: set with the first outcome of a dial. */
  cancelPatience: Cancel | undefined;
}

interface Connecting {
  readonly outage: Outage;
  readonly cancelTimeout: Cancel;
}

type ClientState =
  | { readonly kind: 'idle' }
  | (Connecting & { readonly kind: 'dialling'; readonly abort: AbortController })
  | (Connecting & { readonly kind: 'waiting' })
  | (Connecting & { readonly kind: 'opening'; readonly transport: FramedTransport })
  | { readonly kind: 'carried'; readonly since: number }
  | { readonly kind: 'over' };

type Dialling = Extract<ClientState, { kind: 'dialling' }>;
type Opening = Extract<ClientState, { kind: 'opening' }>;

export class ClientEnd implements StreamOwner {
  readonly #options: ClientEndOptions;
  readonly #streamId: Uint8Array;
  readonly #stream: ResumableStream;
  readonly #backoff: Backoff;
  #state: ClientState = { kind: 'idle' };
  #version: ProtocolVersion = RESUME_VERSION;
  /** The last transport was a good one, and nothing was dialled since: the next dial is at once. */
  #mayHurry = true;

  constructor(options: ClientEndOptions) {
    const { clock, limits = FLOW_LIMITS, resumeWindowMs, random, randomBytes } = options;
    this.#options = options;
    this.#streamId = randomBytes(STREAM_ID_BYTES);
    this.#stream = new ResumableStream({ clock, limits, resumeWindowMs, owner: this });
    const bounds = { firstMs: BACKOFF_FIRST_MS, maxMs: BACKOFF_LAST_MS, growth: RETURN_GROWTH };
    this.#backoff = new Backoff({ ...bounds, random });
  }

  /** For the local side. `cut` on it stops everything. */
  get stream(): ByteStream {
    return this.#stream;
  }

  get state(): ClientState['kind'] {
    return this.#state.kind;
  }

  /** For how long it is dialled again after the next loss, in milliseconds: what the agent said, once it has. */
  get resumeWindowMs(): number {
    return this.#stream.resumeWindowMs;
  }

  /** Dials at once. Called once. */
  start(): void {
    if (this.#state.kind === 'idle') this.#dial(this.#beginOutage('new'));
  }

  // ── called by the stream ──

  event(event: ResumeEvent): void {
    this.#options.onEvent(event);
  }

  detached(): void {
    const lastedMs = this.#state.kind === 'carried' ? this.#options.clock.now() - this.#state.since : 0;
    if (lastedMs >= STABLE_AFTER_MS) {
      this.#backoff.reset();
      this.#mayHurry = true;
    }
    const outage = this.#beginOutage('resume');
    // At once the first time; a transport that does not hold is not a reason to hammer at the relay.
    if (!this.#mayHurry) return this.#retry(outage);
    this.#mayHurry = false;
    this.#dial(outage);
  }

  over(end: StreamEnd): void {
    const before = this.#state;
    this.#state = { kind: 'over' };
    if ('outage' in before) {
      before.cancelTimeout();
      endOutage(before.outage);
    }
    if (before.kind === 'dialling') before.abort.abort();
    if (before.kind === 'opening') before.transport.cut(end);
    this.#options.onOver(end);
  }

  // ── an outage, step by step ──

  #beginOutage(mode: OpenMode): Outage {
    const { clock } = this.#options;
    const cancelNotice = clock.after(NOTICE_AFTER_MS, () => this.#tellOf(outage));
    const since = clock.now();
    const outage: Outage = {
      mode,
      since,
      detail: undefined,
      isTold: false,
      cancelNotice,
      cancelPatience: undefined,
    };
    return outage;
  }

  #dial(outage: Outage): void {
    const { clock, dial } = this.#options;
    const abort = new AbortController();
    const giveUp = () => {
      abort.abort();
      this.#retry(outage, 'the relay did not answer');
    };
    const cancelTimeout = outage.mode === 'new' ? () => {} : clock.after(REDIAL_TIMEOUT_MS, giveUp);
    const dialling: Dialling = { kind: 'dialling', outage, cancelTimeout, abort };
    this.#state = dialling;
    dial(abort.signal).then(
      (outcome) => this.#dialled(dialling, outcome),
      (fault: unknown) => this.#dialled(dialling, { kind: 'retry', detail: String(fault) }),
    );
  }

  #dialled(dialling: Dialling, outcome: TransportOutcome): void {
    if (this.#state !== dialling) {
      if (outcome.kind === 'open') outcome.transport.cut({ reason: 'ended' });
      return;
    }
    const { outage } = dialling;
    dialling.cancelTimeout();
    if (outage.mode === 'new') this.#limitPatience(outage);
    switch (outcome.kind) {
      case 'open':
        return this.#open(outage, new FramedTransport(outcome.transport));
      case 'retry':
        return this.#retry(outage, outcome.detail, outcome.waitMs);
      case 'fatal':
        return this.#stream.abandon(outcome.end);
    }
  }

  #retry(outage: Outage, detail?: string | Untrusted, waitMs = 0): void {
    outage.detail = detail ?? outage.detail;
    this.#mayHurry = false;
    const delayMs = Math.max(this.#backoff.next(), waitMs);
    const cancelTimeout = this.#options.clock.after(delayMs, () => this.#dial(outage));
    this.#state = { kind: 'waiting', outage, cancelTimeout };
  }

  #open(outage: Outage, transport: FramedTransport): void {
    const cancelTimeout = this.#options.clock.after(OPEN_TIMEOUT_MS, () => {
      transport.cut({ reason: 'lost' });
      this.#retry(outage, 'the agent did not answer');
    });
    const opening: Opening = { kind: 'opening', outage, cancelTimeout, transport };
    this.#state = opening;
    transport.start({
      received: (frame) => this.#answered(opening, frame),
      drained: () => {},
      ended: (end) => {
        cancelTimeout();
        if (end.reason === 'ended_by_operator') return this.#stream.abandon(end);
        this.#retry(outage, end.detail);
      },
    });
    const { received } = this.#stream;
    transport.write(
      encodeOpen({ version: this.#version, streamId: this.#streamId, mode: outage.mode, received }),
    );
  }

  #answered({ outage, transport, cancelTimeout }: Opening, frame: ReceivedFrame): void {
    cancelTimeout();
    if (frame.kind === 'opened') {
      if (!this.#stream.covers(frame.received)) return this.#reset(transport, 'bad_offset');
      return this.#carry(outage, transport, frame);
    }
    if (frame.kind === 'refused') {
      transport.close({ reason: 'ended' });
      return this.#refused(outage, frame.code);
    }
    // Not an answer, and no byte of the stream either: harmless while another transport can be had.
    if (outage.mode === 'new') return this.#reset(transport, 'protocol_error');
    transport.cut({ reason: 'fault' });
    return this.#retry(outage, 'the other end did not speak the resume protocol');
  }

  #refused(outage: Outage, code: ResumeCode): void {
    this.#options.onEvent({ kind: 'refused', code });
    if (code === 'bad_version' && this.#version !== OLDEST_VERSION) {
      this.#version = OLDEST_VERSION;
      return this.#dial(outage);
    }
    // The agent was reached and knows the stream, only OPEN was too slow.
    if (code === 'open_timeout') return this.#retry(outage, RESUME_CODES.open_timeout.meaning);
    this.#stream.abandon(endOf(code));
  }

  #reset(transport: FramedTransport, code: ResumeCode): void {
    transport.write(encodeReset(code));
    transport.close({ reason: 'fault' });
    this.#options.onEvent({ kind: 'reset', by: 'us', code });
    this.#stream.abandon(endOf(code));
  }

  #carry(outage: Outage, transport: FramedTransport, { received, resumeWindowMs }: OpenedFrame): void {
    const { clock, onStatus } = this.#options;
    endOutage(outage);
    this.#state = { kind: 'carried', since: clock.now() };
    if (outage.isTold && !this.#stream.isLeft) {
      const kind = outage.mode === 'new' ? 'answered' : 'restored';
      onStatus({ kind, afterMs: clock.now() - outage.since });
    }
    if (resumeWindowMs !== undefined) {
      this.#stream.resumeWindowMs = Math.min(resumeWindowMs, MAX_RESUME_WINDOW_MS);
    }
    this.#stream.carry(transport, received);
  }

  #tellOf(outage: Outage): void {
    if (this.#stream.isLeft) return;
    outage.isTold = true;
    const detail = outage.detail === undefined ? {} : { detail: outage.detail };
    const { onStatus } = this.#options;
    if (outage.mode === 'new') onStatus({ kind: 'unanswered', windowMs: this.#openWindowMs, ...detail });
    else onStatus({ kind: 'interrupted', windowMs: this.#stream.resumeWindowMs, ...detail });
  }

  #limitPatience(outage: Outage): void {
    const afterMs = this.#openWindowMs;
    outage.cancelPatience ??= this.#options.clock.after(afterMs, () => {
      this.#options.onEvent({ kind: 'given_up', afterMs });
      this.#stream.abandon({ reason: 'lost', detail: outage.detail ?? 'the agent did not answer' });
    });
  }

  get #openWindowMs(): number {
    return this.#options.openWindowMs ?? this.#options.resumeWindowMs;
  }
}

function endOutage({ cancelNotice, cancelPatience }: Outage): void {
  cancelNotice();
  cancelPatience?.();
}
