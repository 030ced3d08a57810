// The client end: dials a transport, opens or resumes the session on it, and dials again when it is lost.

import type { ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import type { Untrusted } from '#shared/text/untrusted.ts';
import { Backoff, RETURN_GROWTH } from '#shared/time/backoff.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { RESUME_CODES, type ResumeCode } from './codes.ts';
import type { ReceivedFrame } from './frame-parser.ts';
import {
  encodeOpen,
  encodeReset,
  OLDEST_VERSION,
  type OpenedFrame,
  type ProtocolVersion,
  RESUME_VERSION,
  SESSION_ID_BYTES,
} from './frames.ts';
import {
  BACKOFF_FIRST_MS,
  BACKOFF_LAST_MS,
  FLOW_LIMITS,
  type FlowLimits,
  LONGEST_RESUME_WINDOW_MS,
  NOTICE_AFTER_MS,
  OPEN_TIMEOUT_MS,
  REDIAL_TIMEOUT_MS,
  STABLE_AFTER_MS,
} from './limits.ts';
import { Link } from './link.ts';
import { ResumableStream, type StreamOwner } from './resumable-stream.ts';
import type { ResumeEvent } from './resume-events.ts';

export type TransportOutcome =
  | { readonly kind: 'open'; readonly transport: ByteStream }
  /** Not now (unreachable, 404, 429, 503, 504): worth another try while the window lasts, after `waitMs` at least. */
  | { readonly kind: 'retry'; readonly detail?: string | Untrusted; readonly waitMs?: number }
  /** Never: the session ends with this. */
  | { readonly kind: 'fatal'; readonly end: StreamEnd };

export interface DialRequest {
  /** The session exists: a refusal that would be final for a new one may only mean "not yet". */
  readonly resuming: boolean;
  /** Aborted when the outcome is no longer wanted; an open transport that comes too late is cut. */
  readonly signal: AbortSignal;
}

/**
 * What a person is told: after 3 s that there is no agent (`unanswered`, of a session that does not exist yet) or no way
 * to it (`interrupted`) and for how long it is tried; the end of that only if it was told; nothing once the local side has
 * closed.
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
  /** The first dial may take as long as it likes; a re-dial gets 15 s. A rejection counts as `retry`. */
  readonly dial: (request: DialRequest) => Promise<TransportOutcome>;
  /** From the loss of a transport, unless the agent tells another one. */
  readonly resumeWindowMs: number;
  /** From the first outcome of `dial` to the first OPENED; the resume window by default. */
  readonly openWindowMs?: number;
  /** 0 <= random() < 1, for the jitter. */
  readonly random: () => number;
  readonly randomBytes: (count: number) => Buffer;
  readonly onStatus: (status: ResumeStatus) => void;
  readonly onEvent: (event: ResumeEvent) => void;
  /**
   * The session is over on the wire and nothing will be dialled any more. A program must live until then: what was
   * written before a close may still have to be sent. The sink may still be taking its last bytes.
   */
  readonly onOver: (end: StreamEnd) => void;
  readonly limits?: FlowLimits;
}

type Phase =
  | { readonly kind: 'idle' }
  | { readonly kind: 'waiting'; readonly cancel: Cancel }
  | { readonly kind: 'dialling'; readonly abort: AbortController; readonly cancelTimeout: Cancel }
  | { readonly kind: 'opening'; readonly link: Link; readonly cancelTimeout: Cancel }
  | { readonly kind: 'connected'; readonly since: number }
  | { readonly kind: 'over' };

const nothing: Cancel = () => {};

export class ClientEnd implements StreamOwner {
  readonly #options: ClientEndOptions;
  readonly #sessionId: Buffer;
  readonly #stream: ResumableStream;
  #phase: Phase = { kind: 'idle' };
  #version: ProtocolVersion = RESUME_VERSION;
  #established = false;
  #resumeWindowMs: number;
  readonly #backoff: Backoff;
  /** The last transport was a good one, and nothing was dialled since: the next dial is at once. */
  #mayHurry = true;
  #connectingSince = 0;
  #lastDetail: string | Untrusted | undefined;
  #cancelPatience: Cancel | undefined;
  #cancelNotice: Cancel = nothing;
  #noticed = false;

  constructor(options: ClientEndOptions) {
    this.#options = options;
    this.#resumeWindowMs = options.resumeWindowMs;
    this.#sessionId = options.randomBytes(SESSION_ID_BYTES);
    const { random } = options;
    this.#backoff = new Backoff({
      firstMs: BACKOFF_FIRST_MS,
      maxMs: BACKOFF_LAST_MS,
      growth: RETURN_GROWTH,
      random,
    });
    this.#stream = new ResumableStream({
      clock: options.clock,
      limits: options.limits ?? FLOW_LIMITS,
      resumeWindowMs: options.resumeWindowMs,
      owner: this,
    });
  }

  /** The session, for the local side. `cut` on it stops everything. */
  get stream(): ByteStream {
    return this.#stream;
  }

  get status(): { readonly kind: 'connected' } | { readonly kind: 'connecting'; readonly since: number } {
    if (this.#phase.kind === 'connected') return { kind: 'connected' };
    return { kind: 'connecting', since: this.#connectingSince };
  }

  /** Dials at once. Called once. */
  start(): void {
    if (this.#phase.kind !== 'idle') return;
    this.#beginConnecting();
    this.#dial();
  }

  // ── called by the stream ──

  event(event: ResumeEvent): void {
    this.#options.onEvent(event);
  }

  detached(): void {
    const now = this.#options.clock.now();
    const lastedMs = this.#phase.kind === 'connected' ? now - this.#phase.since : 0;
    if (lastedMs >= STABLE_AFTER_MS) {
      this.#backoff.reset();
      this.#mayHurry = true;
    }
    this.#beginConnecting();
    // At once the first time; a transport that does not hold is no reason to hammer at the relay.
    if (!this.#mayHurry) return this.#retry();
    this.#mayHurry = false;
    this.#dial();
  }

  over(end: StreamEnd): void {
    const phase = this.#phase;
    this.#phase = { kind: 'over' };
    if (phase.kind === 'waiting') phase.cancel();
    if (phase.kind === 'dialling') {
      phase.cancelTimeout();
      phase.abort.abort();
    }
    if (phase.kind === 'opening') {
      phase.cancelTimeout();
      phase.link.cut(end);
    }
    this.#cancelNotice();
    this.#cancelPatience?.();
    this.#options.onOver(end);
  }

  // ── transitions ──

  #beginConnecting(): void {
    const { clock, onStatus } = this.#options;
    this.#connectingSince = clock.now();
    this.#lastDetail = undefined;
    this.#cancelNotice = clock.after(NOTICE_AFTER_MS, () => {
      if (this.#stream.isLeft) return;
      this.#noticed = true;
      const detail = this.#lastDetail === undefined ? {} : { detail: this.#lastDetail };
      onStatus(
        this.#established
          ? { kind: 'interrupted', windowMs: this.#resumeWindowMs, ...detail }
          : { kind: 'unanswered', windowMs: this.#openWindowMs, ...detail },
      );
    });
  }

  #dial(): void {
    const abort = new AbortController();
    const resuming = this.#established;
    const cancelTimeout = resuming
      ? this.#options.clock.after(REDIAL_TIMEOUT_MS, () => {
          abort.abort();
          this.#retry('the relay did not answer');
        })
      : nothing;
    const phase: Phase = { kind: 'dialling', abort, cancelTimeout };
    this.#phase = phase;
    this.#options.dial({ resuming, signal: abort.signal }).then(
      (outcome) => this.#dialled(phase, outcome),
      (fault: unknown) => this.#dialled(phase, { kind: 'retry', detail: String(fault) }),
    );
  }

  #dialled(phase: Phase & { kind: 'dialling' }, outcome: TransportOutcome): void {
    if (this.#phase !== phase) {
      if (outcome.kind === 'open') outcome.transport.cut({ reason: 'ended' });
      return;
    }
    phase.cancelTimeout();
    this.#limitPatience();
    switch (outcome.kind) {
      case 'open':
        return this.#open(new Link(outcome.transport));
      case 'retry':
        return this.#retry(outcome.detail, outcome.waitMs);
      case 'fatal':
        return this.#stream.abandon(outcome.end);
    }
  }

  #open(link: Link): void {
    const cancelTimeout = this.#options.clock.after(OPEN_TIMEOUT_MS, () => {
      link.cut({ reason: 'lost' });
      this.#retry('the agent did not answer');
    });
    const phase: Phase = { kind: 'opening', link, cancelTimeout };
    this.#phase = phase;
    link.start({
      received: (frame) => this.#answered(phase, frame),
      drained: () => {},
      ended: (end) => {
        phase.cancelTimeout();
        this.#retry(end.detail);
      },
    });
    link.write(
      encodeOpen({
        version: this.#version,
        sessionId: this.#sessionId,
        mode: this.#established ? 'resume' : 'new',
        received: this.#stream.received,
      }),
    );
  }

  #answered(phase: Phase & { kind: 'opening' }, frame: ReceivedFrame): void {
    const { link } = phase;
    phase.cancelTimeout();
    if (frame.kind === 'opened') {
      if (!this.#stream.covers(frame.received)) return this.#refuse(link, 'bad_offset');
      return this.#connect(link, frame);
    }
    if (frame.kind === 'refused') {
      link.close({ reason: 'ended' });
      this.#options.onEvent({ kind: 'refused', code: frame.code });
      if (frame.code === 'bad_version' && this.#version !== OLDEST_VERSION) {
        this.#version = OLDEST_VERSION;
        return this.#dial();
      }
      // The agent was reached and knows the session, only OPEN was too slow.
      if (frame.code === 'open_timeout') return this.#retry(RESUME_CODES.open_timeout.meaning);
      return this.#stream.abandon(endFrom(frame.code));
    }
    // Not an answer, and no byte of the session either: harmless while another transport can be had.
    if (!this.#established) return this.#refuse(link, 'protocol_error');
    link.cut({ reason: 'fault' });
    return this.#retry('the other end did not speak the resume protocol');
  }

  #connect(link: Link, { received, resumeWindowMs = this.#resumeWindowMs }: OpenedFrame): void {
    const { clock, onStatus } = this.#options;
    this.#cancelPatience?.();
    this.#cancelNotice();
    this.#phase = { kind: 'connected', since: clock.now() };
    if (this.#noticed && !this.#stream.isLeft) {
      const kind = this.#established ? 'restored' : 'answered';
      onStatus({ kind, afterMs: clock.now() - this.#connectingSince });
    }
    this.#noticed = false;
    this.#established = true;
    this.#resumeWindowMs = Math.min(resumeWindowMs, LONGEST_RESUME_WINDOW_MS);
    this.#stream.outlive(this.#resumeWindowMs);
    this.#stream.carry(link, received);
  }

  #retry(detail?: string | Untrusted, waitMs = 0): void {
    this.#lastDetail = detail ?? this.#lastDetail;
    this.#mayHurry = false;
    const cancel = this.#options.clock.after(Math.max(this.#backoff.next(), waitMs), () => this.#dial());
    this.#phase = { kind: 'waiting', cancel };
  }

  #refuse(link: Link, code: ResumeCode): void {
    link.write(encodeReset(code));
    link.close({ reason: 'fault' });
    this.#options.onEvent({ kind: 'reset', by: 'us', code });
    this.#stream.abandon(endFrom(code));
  }

  get #openWindowMs(): number {
    return this.#options.openWindowMs ?? this.#options.resumeWindowMs;
  }

  /** Until the first OPENED the stream has no window of its own. */
  #limitPatience(): void {
    if (this.#established) return;
    const afterMs = this.#openWindowMs;
    this.#cancelPatience ??= this.#options.clock.after(afterMs, () => {
      this.#options.onEvent({ kind: 'given_up', afterMs });
      this.#stream.abandon({ reason: 'lost', detail: this.#lastDetail ?? 'the agent did not answer' });
    });
  }
}

function endFrom(code: ResumeCode): StreamEnd {
  const { reason, meaning } = RESUME_CODES[code];
  return { reason, detail: `${meaning} (${code})` };
}
