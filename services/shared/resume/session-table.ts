// The session table: the agent's end of every session, found again by its id when a new transport resumes it.

import type { ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { ResumeCode } from './codes.ts';
import type { ReceivedFrame } from './frame-parser.ts';
import { encodeOpened, encodeRefused, type OpenedFrame, type OpenFrame } from './frames.ts';
import { FLOW_LIMITS, type FlowLimits, MAX_SESSIONS, OPEN_TIMEOUT_MS, PLAIN_AFTER_MS } from './limits.ts';
import { Link } from './link.ts';
import { ResumableStream } from './resumable-stream.ts';
import type { ResumeEvent } from './resume-events.ts';
import { sniff } from './sniffed-stream.ts';

/**
 * What the relay's label says of a transport. `unknown`: the first byte decides, and silence means plain;
 * `resume`: the first byte decides, and silence is an error (a slow network, not a client that waits for a banner).
 */
export type Expectation = 'plain' | 'resume' | 'unknown';

/** What a new session is, with what the caller of `accept` knew of its first transport. */
export type SessionOrigin<Info> =
  | { readonly kind: 'plain'; readonly info: Info }
  | { readonly kind: 'resumable'; readonly sessionId: string; readonly info: Info };

export interface ResumableStreamTableOptions<Info> {
  readonly clock: Clock;
  readonly resumeWindowMs: number;
  /** A new session. Plain ones are handed on and not kept here. */
  readonly onSession: (stream: ByteStream, origin: SessionOrigin<Info>) => void;
  /** `info` is that of the transport concerned, of the latest one where the session has none. */
  readonly onEvent: (event: ResumeEvent, about: { readonly sessionId?: string; readonly info: Info }) => void;
  readonly maxSessions?: number;
  readonly limits?: FlowLimits;
}

/** A transport that is taken. */
export interface Acceptance<Info> {
  readonly expects: Expectation;
  readonly info: Info;
  /** It is what it will be: part of a session, or gone. */
  readonly onSettled?: () => void;
}

/** A transport that has not yet become, or joined, a session. */
interface Admission {
  track(cancel: Cancel): void;
  /** May be called twice, as may `refuse`, which does nothing after it. */
  readonly done: () => void;
  readonly refuse: (end: StreamEnd) => void;
}

interface Session<Info> {
  readonly stream: ResumableStream;
  info: Info;
  carried: boolean;
}

export class ResumableStreamTable<Info> {
  readonly #options: ResumableStreamTableOptions<Info>;
  readonly #sessions = new Map<string, Session<Info>>();
  /** Ends a transport that has not yet become, or joined, a session. */
  readonly #admissions = new Set<(end: StreamEnd) => void>();
  #stopped: StreamEnd | undefined;
  #emptied: (() => void)[] = [];

  constructor(options: ResumableStreamTableOptions<Info>) {
    this.#options = options;
  }

  /** Resumable sessions, and how many of them are without a transport now. */
  get counts(): { readonly sessions: number; readonly detached: number } {
    let detached = 0;
    for (const session of this.#sessions.values()) if (!session.carried) detached += 1;
    return { sessions: this.#sessions.size, detached };
  }

  /**
   * Takes a transport, not yet attached: it becomes a session, resumes one, or is refused; then, or when it is gone before,
   * `onSettled` is called, once. Until then what is returned cuts it; from then on that does nothing.
   */
  accept(transport: ByteStream, about: Acceptance<Info>): (end: StreamEnd) => void {
    const { clock, onSession } = this.#options;
    const { expects, info, onSettled } = about;
    const admission = this.#admission(transport, onSettled);
    if (this.#stopped !== undefined) {
      admission.refuse(this.#stopped);
      return admission.refuse;
    }
    if (expects === 'plain') {
      admission.done();
      onSession(transport, { kind: 'plain', info });
      return admission.refuse;
    }
    const openBy = clock.now() + OPEN_TIMEOUT_MS;
    const cancelSniff = sniff(transport, {
      clock,
      silenceMs: expects === 'resume' ? OPEN_TIMEOUT_MS : PLAIN_AFTER_MS,
      decided: (result) => {
        if (result.kind === 'gone') return admission.done();
        const { kind, stream } = result;
        if (kind === 'plain' || (kind === 'silent' && expects === 'unknown')) {
          admission.done();
          onSession(stream, { kind: 'plain', info });
        } else {
          this.#awaitOpen(stream, openBy - clock.now(), info, admission);
        }
      },
    });
    admission.track(cancelSniff);
    return admission.refuse;
  }

  /** Resets every session and refuses what still comes. May be called twice. */
  stop(end: StreamEnd): void {
    this.#stopped ??= end;
    for (const refuse of this.#admissions) refuse(end);
    for (const { stream } of this.#sessions.values()) stream.cut(end);
  }

  /** Waits until no session is left: their streams were closed, and their last bytes have still to be taken. */
  async emptied(withinMs: number): Promise<'empty' | 'timeout'> {
    if (this.#sessions.size === 0) return 'empty';
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(withinMs, () => resolve('timeout'));
      this.#emptied.push(() => {
        cancel();
        resolve('empty');
      });
    });
  }

  #admission(transport: ByteStream, onSettled: () => void = () => {}): Admission {
    const cancels: Cancel[] = [];
    let pending = true;
    const refuse = (end: StreamEnd) => {
      if (!pending) return;
      done();
      transport.cut(end);
    };
    const done = () => {
      if (!pending) return;
      pending = false;
      for (const cancel of cancels.splice(0)) cancel();
      this.#admissions.delete(refuse);
      onSettled();
    };
    this.#admissions.add(refuse);
    return {
      track: (cancel) => {
        // It may have been settled before there was anything to cancel.
        if (pending) cancels.push(cancel);
        else cancel();
      },
      done,
      refuse,
    };
  }

  #awaitOpen(transport: ByteStream, withinMs: number, info: Info, admission: Admission): void {
    const link = new Link(transport);
    admission.track(
      this.#options.clock.after(withinMs, () => {
        admission.done();
        this.#refuse(link, 'open_timeout', info);
      }),
    );
    link.start({
      received: (frame) => {
        admission.done();
        this.#opened(link, frame, info);
      },
      drained: () => {},
      ended: () => admission.done(),
    });
  }

  #opened(link: Link, frame: ReceivedFrame, info: Info): void {
    if (frame.kind === 'bad') return this.#refuse(link, frame.code, info, frame.detail);
    if (frame.kind !== 'open') return this.#refuse(link, 'protocol_error', info, `${frame.kind} before open`);
    const sessionId = frame.sessionId.toString('hex');
    const known = this.#sessions.get(sessionId);
    if (known !== undefined) return this.#resume(link, frame, known, info);
    if (frame.mode === 'resume') return this.#refuse(link, 'unknown_session', info);
    if (frame.received !== 0) return this.#refuse(link, 'bad_offset', info, 'a new session starts at 0');
    const { maxSessions = MAX_SESSIONS } = this.#options;
    if (this.#sessions.size >= maxSessions) return this.#refuse(link, 'too_many_sessions', info);
    this.#begin(link, frame, sessionId, info);
  }

  #resume(link: Link, open: OpenFrame, session: Session<Info>, info: Info): void {
    const { stream } = session;
    // A client whose OPENED got lost opens again with the same id; it has sent nothing else yet.
    if (open.mode === 'new' && stream.heard) return this.#refuse(link, 'session_exists', info);
    if (!stream.covers(open.received)) return this.#refuse(link, 'bad_offset', info, `${open.received}`);
    session.info = info;
    session.carried = true;
    link.write(encodeOpened(this.#answerTo(open, stream.received)));
    stream.carry(link, open.received);
  }

  #begin(link: Link, open: OpenFrame, sessionId: string, info: Info): void {
    const { clock, resumeWindowMs, limits = FLOW_LIMITS, onEvent, onSession } = this.#options;
    const stream: ResumableStream = new ResumableStream({
      clock,
      limits,
      resumeWindowMs,
      owner: {
        event: (event) => onEvent(event, { sessionId, info: session.info }),
        detached: () => {
          session.carried = false;
        },
        over: () => this.#forget(sessionId),
      },
    });
    const session: Session<Info> = { stream, info, carried: true };
    this.#sessions.set(sessionId, session);
    link.write(encodeOpened(this.#answerTo(open, 0)));
    stream.carry(link, 0);
    onSession(stream, { kind: 'resumable', sessionId, info });
  }

  #answerTo({ version }: OpenFrame, received: number): OpenedFrame {
    return version === 1 ? { received } : { received, resumeWindowMs: this.#options.resumeWindowMs };
  }

  #forget(sessionId: string): void {
    this.#sessions.delete(sessionId);
    if (this.#sessions.size > 0) return;
    const emptied = this.#emptied;
    this.#emptied = [];
    for (const tell of emptied) tell();
  }

  #refuse(link: Link, code: ResumeCode, info: Info, detail?: string): void {
    link.write(encodeRefused(code));
    link.close({ reason: 'ended', detail: code });
    this.#options.onEvent({ kind: 'refused', code, ...(detail === undefined ? {} : { detail }) }, { info });
  }
}
